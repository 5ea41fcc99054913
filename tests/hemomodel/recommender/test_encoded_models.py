"""A model whose feature set encodes numbers in another way: built, saved, loaded and exported."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from hemomodel import FitConfig, load, synthetic_cohort
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


@pytest.fixture(scope="module", params=BLOCKS)
def networks(request, cohort, replicates):
    cohort = encoded(cohort, BLOCKS[request.param])
    config = FitConfig(features="encoded", hidden=(16, 8), epochs=2, linear_path=True)
    stack = prepare(cohort, replicates, features="encoded", with_test=True)
    training = Training(config, stack)
    training.run_epochs(2)
    fitted = build_model(cohort, config, stack, training.network.parameters)
    return cohort, stack, training, fitted


@pytest.fixture(scope="module")
def loaded(networks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded")
    for name, content in model_files(networks[3]).items():
        (folder / name).write_bytes(content)
    return load(folder)


def test_the_loaded_model_predicts_what_its_networks_predict(networks, loaded):
    cohort, stack, training, fitted = networks
    features = torch.from_numpy(stack.features)
    outputs = training.network.forward(features)[-1].double()
    scale = [torch.from_numpy(part).unsqueeze(1) for part in (fitted.offset, fitted.spread)]
    natural = training.layout.natural(outputs, *scale)
    expected = average_predictions(training.layout, natural).numpy()
    predicted = loaded.predict(cohort.table)
    np.testing.assert_allclose(predicted, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(predicted, Model(fitted).predict(cohort.table))
    for name, array in fitted.learned.items():
        np.testing.assert_array_equal(loaded.fitted.learned[name], array)


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
