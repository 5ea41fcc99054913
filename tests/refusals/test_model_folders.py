"""A model folder from another source: loaded if it is complete, else refused in one sentence."""

import json
import pickle
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from tests.support.model_folders import assert_refused, loaded_or_refused

WEIGHTS, SETTINGS = "weights.safetensors", "model.json"


@pytest.fixture
def folder(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / "model")


def edit(folder, change):
    path = folder / SETTINGS
    plain = json.loads(path.read_text())
    change(plain)
    path.write_text(json.dumps(plain))


def put(*keys, value):
    def change(plain):
        for key in keys[:-1]:
            plain = plain[key]
        plain[keys[-1]] = value

    return change


STANDARD = "2_standardize.standardscaler.scale_"
CASES = {
    "format": (put("format", value=3), (SETTINGS, "'3'", "1", "2")),
    "no-format": (lambda p: p.pop("format"), (SETTINGS, "'None'", "1", "2")),
    "list": (put("temperatures", value={}), (SETTINGS, "temperatures")),
    "short": (lambda p: p["temperatures"].pop(), ("temperatures", "(9,)", "(10,)")),
    "cold": (put("temperatures", 0, value=0), ("temperatures",)),
    "text": (put("offset", 0, 0, value="x"), (SETTINGS, "offset.0.0", "'x'")),
    "ragged": (put("offset", 0, value=[1.0]), ("offset",)),
    "scale": (put("preprocessing", STANDARD, 0, 0, value=0.0), ("preprocessing", STANDARD)),
    "nested": (put("preprocessing", STANDARD, 0, 0, value=[[]]), ("preprocessing", STANDARD)),
    "huge": (put("centre", 0, value=10**400), (SETTINGS, "centre.0")),
    "no-block": (lambda p: p["preprocessing"].pop(STANDARD), ("preprocessing", "'pretreatment'")),
    "other-set": (
        put("feature_set", value="seed"),
        ("layer0.weight", "(6, 1, 32, 64)", "(6, 1, 36, 64)"),
    ),
    "no-set": (put("feature_set", value="none"), ("'none'", "pretreatment")),
    "tasks": (put("tasks", 0, "name", value="other"), ("tasks",)),
    "scores": (put("scores", 0, "kept", value=[1.0]), ("scores", "(1,)", "(183,)")),
    "falling": (lambda p: p["scores"][0]["kept"].reverse(), ("scores",)),
    "count": (
        put("scores", 0, "count", value=10**30),
        (SETTINGS, "scores.0.count", "1000000000000"),
    ),
    "fewer": (lambda p: p["scores"].pop(), ("scores", "9", "10")),
    "key": (put("extra", value=1), (SETTINGS, "extra")),
    "table": (put("table", "columns", value=[]), (SETTINGS, "columns", "[]")),
    "components": (
        put("table", "feature_sets", "pretreatment", 3, "components", value=10**12),
        ("layer0.weight", "(6, 1, 1000000000022, 64)"),
    ),
    "formula": (
        put("table", "derived", 0, "formula", value="__import__('os')"),
        (SETTINGS, "'age'", "__import__('os')"),
    ),
    "rules": (
        put("table", "rules", value=[{"name": "a", "must": "calcium > potassium + 9"}]),
        ("'hemodialysis'", "calcium", "potassium"),
    ),
}


@pytest.mark.parametrize(("change", "names"), CASES.values(), ids=CASES)
def test_settings_that_do_not_fit_are_named(folder, change, names):
    edit(folder, change)
    assert_refused(folder, *names)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "null", '{"format": NaN}', "[" * 100_000, '{"format": 1e999}', "\x00"],
    ids=str,
)
def test_settings_that_are_none_are_refused(folder, text):
    (folder / SETTINGS).write_text(text)
    assert_refused(folder, SETTINGS)


def test_infinity_is_no_number(folder):
    path = folder / SETTINGS
    path.write_text(path.read_text().replace('"farthest": ', '"farthest": Infinity, "x": '))
    assert_refused(folder, SETTINGS, "Infinity")


WEIGHT_CASES = {
    "missing": (lambda w: w.pop("layer1.bias"), ("layer0.weight", "layer1.weight")),
    "named": (lambda w: w.update(other=w["layer0.bias"]), ("layer0.weight", "layer1.weight")),
    "shape": (
        lambda w: w.update({"layer1.weight": w["layer1.weight"][:, :, :-1]}),
        ("layer1.weight", "(6, 1, 63, 32)", "(6, 1, 64, 32)"),
    ),
    "flat": (
        lambda w: w.update({"layer0.weight": w["layer0.weight"].ravel()}),
        ("layer0.weight", "(12288,)"),
    ),
    "replicates": (
        lambda w: w.update({n: a[:-1] for n, a in w.items()}),
        ("layer0.weight", "(5, 1, 32, 64)", "(6, 1, 32, 64)"),
    ),
    "nan": (lambda w: w["layer2.bias"].fill(np.nan), ("layer2.bias",)),
    "whole": (
        lambda w: w.update({n: a.astype(np.int32) for n, a in w.items()}),
        (WEIGHTS, "int32"),
    ),
    "a path of another width": (
        lambda w: w.update({"direct.weight": np.zeros((6, 1, 3, 47), dtype=np.float32)}),
        ("direct.weight", "(6, 1, 3, 47)", "(6, 1, 32, 47)"),
    ),
    "none": (lambda w: w.clear(), ("layer0.weight", "layer1.weight")),
}


@pytest.mark.parametrize(("change", "names"), WEIGHT_CASES.values(), ids=WEIGHT_CASES)
def test_weights_that_do_not_fit_are_named(folder, change, names):
    weights = {name: array.copy() for name, array in load_file(folder / WEIGHTS).items()}
    change(weights)
    save_file({n: np.ascontiguousarray(a) for n, a in weights.items()}, folder / WEIGHTS)
    assert_refused(folder, *names)


class Owned:
    """Writes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (self.mark, "w")


@pytest.mark.parametrize("name", [WEIGHTS, SETTINGS])
def test_no_code_is_run(folder, tmp_path, name):
    mark = tmp_path / "owned"
    (folder / name).write_bytes(pickle.dumps(Owned(str(mark))))
    assert_refused(folder, name)
    assert not mark.exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from([WEIGHTS, SETTINGS]))
def test_a_damaged_file_is_a_model_or_is_refused(model_folder, tmp_path, data, name):
    """Bytes change and files are truncated; damage that leaves valid numbers cannot be detected."""
    place = tmp_path / "fuzzed"
    shutil.copytree(model_folder, place, dirs_exist_ok=True)
    content = bytearray((model_folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        spot = data.draw(st.integers(0, min(len(content), 4000) - 1))
        content[spot] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(content), len(content) // 2, 9]))
    (place / name).write_bytes(bytes(content[:end]))
    assert loaded_or_refused(place)


def test_a_study_and_other_places_are_told_apart(model_folder, tmp_path):
    study = model_folder.parents[1]
    assert_refused(study, "best/equal")
    for other in (tmp_path, tmp_path / "nowhere", model_folder / SETTINGS):
        assert_refused(other, SETTINGS, WEIGHTS)
