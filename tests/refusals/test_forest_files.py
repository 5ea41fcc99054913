"""A model folder with a linear model or a forest from another source: loaded, or refused."""

import json
import shutil

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from hemomodel import Replicates
from hemomodel.balancers._base import BALANCERS
from hemomodel.dataset.preparation import prepare
from hemomodel.ensemble.build import build_reference_model, reference_part
from hemomodel.recommender.folder import model_files
from hemomodel.training.reference_models import fit_references
from study.settings.analysis_plan import EXPORTED_REFERENCES
from tests.support.model_folders import assert_refused, loaded_or_refused
from tests.support.small_references import small_references


@pytest.fixture(scope="module")
def folders(cohort, tmp_path_factory):
    """The folder of each exported reference model, by name."""
    root = tmp_path_factory.mktemp("best")
    stack = prepare(cohort, Replicates(folds=2, seeds=1), with_test=True)
    with small_references():
        fitted = fit_references(stack, EXPORTED_REFERENCES.values())
    for name, family in EXPORTED_REFERENCES.items():
        part = reference_part(family, fitted[family], stack)
        (root / name).mkdir()
        for file, content in model_files(
            build_reference_model(cohort, "default", stack, part)
        ).items():
            (root / name / file).write_bytes(content)
    return root


def changed(folder, change):
    """Changes the first trees of the graph."""
    path = folder / "forest.onnx"
    proto = onnx.load_model(path)
    trees = next(node for node in proto.graph.node if node.op_type.startswith("TreeEnsemble"))
    change(proto, trees, {part.name: part for part in trees.attribute})
    path.write_bytes(proto.SerializeToString())


def loop(_proto, _trees, parts):
    parts["nodes_truenodeids"].ints[0] = 0


def unknown_feature(_proto, _trees, parts):
    parts["nodes_featureids"].ints[0] = 10_000


def another_operator(_proto, trees, _parts):
    trees.op_type, trees.domain = "Loop", ""


def another_file(proto, _trees, _parts):
    proto.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    entry = proto.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "weights.safetensors"


def fewer_outputs(proto, _trees, _parts):
    proto.graph.output[0].type.tensor_type.shape.dim[2].dim_value -= 1


@pytest.mark.parametrize(
    "change", [loop, unknown_feature, another_operator, another_file, fewer_outputs]
)
def test_a_graph_that_is_not_a_forest_is_refused(folders, tmp_path, change):
    folder = shutil.copytree(folders / "forest", tmp_path / "model")
    changed(folder, change)
    assert_refused(folder, "forest.onnx")


def test_a_forest_without_its_graph_is_refused(folders, tmp_path):
    folder = shutil.copytree(folders / "forest", tmp_path / "model")
    (folder / "forest.onnx").unlink()
    assert_refused(folder, "forest.onnx")


def edited(folder, change):
    plain = json.loads((folder / "model.json").read_text())
    change(plain)
    (folder / "model.json").write_text(json.dumps(plain))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda plain: plain["reference"]["weights"].pop(), "(10,)"),
        (lambda plain: plain["reference"]["weights"].__setitem__(0, 1.5), "weights"),
        (lambda plain: plain["reference"].__setitem__("family", "boosting"), "reference.family"),
        (lambda plain: plain.pop("reference"), "layer0.weight"),
        (lambda plain: plain.__setitem__("committees", [1, 0]), "committees"),
    ],
    ids=["few weights", "weight above one", "unknown family", "no entry", "folds"],
)
def test_an_entry_that_does_not_fit_is_refused(folders, tmp_path, change, name):
    folder = shutil.copytree(folders / "linear", tmp_path / "model")
    edited(folder, change)
    assert_refused(folder, name)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("linear.bias"),
        lambda arrays: arrays.update({"linear.bias": arrays["linear.bias"][:, 1:]}),
        lambda arrays: arrays.update({"linear.weight": arrays["linear.weight"] * np.nan}),
    ],
    ids=["missing", "shape", "not finite"],
)
def test_arrays_that_do_not_fit_are_refused(folders, tmp_path, change):
    folder = shutil.copytree(folders / "linear", tmp_path / "model")
    arrays = load_file(folder / "weights.safetensors")
    change(arrays)
    save_file(arrays, folder / "weights.safetensors")
    assert_refused(folder, "linear")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_forest_is_a_model_or_is_refused(folders, tmp_path, data):
    """Bytes change and the file is truncated; damage that leaves valid trees cannot be detected."""
    place = tmp_path / "fuzzed"
    shutil.copytree(folders / "forest", place, dirs_exist_ok=True)
    content = bytearray((folders / "forest" / "forest.onnx").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(content), len(content) // 2, 9]))
    (place / "forest.onnx").write_bytes(bytes(content[:end]))
    assert loaded_or_refused(place)


def test_no_balancer_has_the_name_of_an_exported_reference_model():
    assert not set(BALANCERS) & set(EXPORTED_REFERENCES)
