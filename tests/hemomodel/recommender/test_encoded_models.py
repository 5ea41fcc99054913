"""A model whose feature set encodes numbers in another way: built, saved, loaded and exported."""

import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from hemomodel import FitConfig, InputError, load, synthetic_cohort
from hemomodel.cohort.synthetic.cohort import synthetic_workbook
from hemomodel.dataset.preparation import prepare
from hemomodel.ensemble.build import build_model
from hemomodel.ensemble.ensemble import average_predictions
from hemomodel.recommender.folder import model_files
from hemomodel.recommender.model import Model
from hemomodel.schema.output_slices import task_slices
from hemomodel.schema.schema import Schema
from hemomodel.training.loop import Training

NUMBERS = ["wbc", "sodium", "creatinine", "ctr", "age"]
BLOCKS = {
    "marks": [{"encode": "standardize", "columns": NUMBERS, "missing": "mark"}],
    "ranks": [{"encode": "quantile", "columns": NUMBERS}],
    "bins": [{"encode": "piecewise_linear", "columns": NUMBERS, "bins": 4, "missing": "mark"}],
    "both": [
        {"encode": "standardize", "columns": NUMBERS},
        {"encode": "quantile", "columns": [*NUMBERS, "mcv"], "missing": "mark"},
        {"encode": "pca", "columns": ["comorbidities"], "components": 3},
    ],
}
CATEGORIES = {"encode": "one_hot", "columns": ["hbsag", "anti_hcv"]}


def encoded(cohort, blocks):
    """Returns the cohort with a new feature set, gaps, and a column that is always missing."""
    entries = cohort.schema.model_dump()
    entries["feature_sets"]["encoded"] = [CATEGORIES, *blocks]
    table = cohort.table.copy()
    random = np.random.default_rng(1)
    for name in NUMBERS[:3]:
        table.loc[random.random(len(table)) < 0.2, name] = np.nan
    table["ctr"] = np.nan
    return replace(cohort, table=table, schema=Schema.model_validate(entries))


def train(cohort, replicates, blocks):
    """Returns the changed cohort, its stack, the networks, and the model of them."""
    cohort = encoded(cohort, blocks)
    config = FitConfig(features="encoded", hidden=(16, 8), epochs=2, linear_path=True)
    stack = prepare(cohort, replicates, features="encoded", with_test=True)
    training = Training(config, stack)
    training.run_epochs(2)
    fitted = build_model(cohort, config, stack, training.network.parameters)
    return cohort, stack, training, fitted


@pytest.fixture(scope="module", params=BLOCKS)
def networks(request, cohort, replicates):
    return train(cohort, replicates, BLOCKS[request.param])


@pytest.fixture(scope="module")
def loaded(networks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded")
    for name, content in model_files(networks[3]).items():
        (folder / name).write_bytes(content)
    return load(folder)


def predictions(stack, training):
    """Returns the mean predictions (N, K) of the networks on their own features."""
    outputs = training.network.forward(torch.from_numpy(stack.features))[-1].double()
    scale = [torch.from_numpy(part).unsqueeze(1) for part in (stack.offset, stack.spread)]
    return average_predictions(training.layout, training.layout.natural(outputs, *scale)).numpy()


def test_the_loaded_model_predicts_what_its_networks_predict(networks, loaded):
    cohort, stack, training, fitted = networks
    predicted = loaded.predict(cohort.table)
    np.testing.assert_allclose(predicted, predictions(stack, training), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(predicted, Model(fitted).predict(cohort.table))
    for name, array in fitted.learned.items():
        np.testing.assert_array_equal(loaded.fitted.learned[name], array)


def test_in_double_precision_the_model_is_its_networks(double, cohort, replicates):
    blocks = [
        {"encode": "piecewise_linear", "columns": NUMBERS, "bins": 5, "missing": "mark"},
        *BLOCKS["both"][:2],
    ]
    blocks[2] = {**blocks[2], "missing": "mean"}
    cohort, stack, training, fitted = train(cohort, replicates, blocks)
    exact = Model(fitted, torch.float64).predict(cohort.table)
    np.testing.assert_allclose(exact, predictions(stack, training), rtol=1e-10, atol=1e-10)


def test_onnx_predicts_the_same(networks, loaded):
    content = model_files(networks[3])["model.onnx"]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    table = synthetic_cohort(400, seed=1).table
    outputs = session.run(None, {"design": loaded.matrix(table)})
    tempered = loaded.calibrated(table)
    for task, columns, output in zip(loaded.tasks, task_slices(loaded.tasks), outputs, strict=True):
        part = tempered[:, columns]
        expected = part if task.is_value else np.exp(part)
        np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-5)


def test_patients_with_missing_and_extreme_values_have_recommendations(loaded):
    patients = synthetic_workbook(40, seed=8)[0]
    patients.loc[3, "Na (meq/l)"] = np.nan
    patients.loc[4, "Na (meq/l)"] = 169.0  # inside the hard limits, beyond every training row
    patients["Creatinine (mg/dl)"] = np.nan
    advice = loaded.recommend(patients)
    assert np.isfinite(advice.select_dtypes("number")).all(axis=None)
    assert "Sodium 169 mEq/L is outside" in advice["Reason"][4]
    assert "Sodium" not in advice["Reason"][3]


@pytest.mark.parametrize("networks", ["ranks"], indirect=True)
@pytest.mark.parametrize(
    ("part", "values", "reason"),
    [
        ("knots_", [3.0, 2.0], "not in ascending order"),
        ("heights_", [0.5, 1.5], "not between 0 and 1"),
        ("knots_", [], r"not \(6, 5, 33\)"),
    ],
)
def test_knots_and_heights_that_cannot_be_are_refused(networks, tmp_path, part, values, reason):
    name = f"1_quantile.quantileranks.{part}"
    learned = dict(networks[3].learned)
    learned[name] = learned[name].copy()
    learned[name][0, 0, : len(values)] = values
    learned[name] = learned[name] if values else learned[name][:, :, 1:]
    for file, content in model_files(networks[3]).items():
        (tmp_path / file).write_bytes(content)
    path = tmp_path / "model.json"
    plain = json.loads(path.read_text(encoding="utf-8"))
    plain["preprocessing"][name] = learned[name].tolist()
    path.write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(InputError, match=f"{name}.*{reason}"):
        load(tmp_path)


@pytest.mark.parametrize("networks", ["both"], indirect=True)
def test_the_metadata_of_the_graph_gives_the_columns_of_the_encoding(networks, loaded):
    table = networks[0].table
    session = onnxruntime.InferenceSession(
        model_files(networks[3])["model.onnx"], providers=["CPUExecutionProvider"]
    )
    about = session.get_modelmeta().custom_metadata_map
    names, curves = json.loads(about["features"]), json.loads(about["encoded"])
    matrix = loaded.matrix(table)
    start = matrix.shape[1] - len(curves)
    assert len(names) == matrix.shape[1]
    for place, curve in enumerate(curves, start):
        name = names[curve["column"]]
        assert names[place].startswith(f"{name}_rank of replicate ")
        expected = np.interp(table[name], curve["knots"], curve["heights"])
        expected[table[name].isna()] = 0
        np.testing.assert_allclose(matrix[:, place], expected, atol=1e-6)
