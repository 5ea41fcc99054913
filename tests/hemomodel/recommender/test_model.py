"""An exported model predicts the same elsewhere, and reads any workbook of patients."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch

from hemomodel import FitConfig, InputError, load, synthetic_cohort
from hemomodel.balancers._base import BALANCERS
from hemomodel.cohort.synthetic.cohort import synthetic_workbook
from hemomodel.dataset.preparation import prepare
from hemomodel.ensemble.build import build_model
from hemomodel.recommender.folder import model_files
from hemomodel.recommender.model import Model
from hemomodel.recommender.model_arrays import ModelFileError
from hemomodel.recommender.onnx import to_onnx
from hemomodel.recommender.patient_inputs import PatientInputs
from hemomodel.recommender.recommendations import headings
from hemomodel.recommender.serialization import (
    ModelFile,
    from_model_file,
    to_model_file,
)
from hemomodel.schema.formula import Formula
from hemomodel.schema.output_slices import is_value_mask, task_slices
from hemomodel.schema.schema import Schema
from hemomodel.training.loop import Training
from tests.support.paths import ROOT
from tests.support.task_kinds import of_all_kinds

ELSEWHERE = """
import sys, numpy as np, pandas as pd, hemomodel
model = hemomodel.load(sys.argv[1])
np.save(sys.argv[3], model.predict(pd.read_parquet(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def model(model_folder):
    return load(model_folder)


@pytest.fixture(scope="module")
def patients():
    """A workbook of 300 patients, with prescriptions."""
    return synthetic_workbook(300, seed=8)[0]


@pytest.mark.parametrize("balancer", ["equal", pytest.param("single_task", marks=pytest.mark.slow)])
def test_a_folder_elsewhere_predicts_the_same(trained, cohort, tmp_path, balancer):
    training, stack = trained(balancer)
    fitted = build_model(cohort, training.config, stack, training.network.parameters)
    place, table = tmp_path / "moved" / "here", synthetic_cohort(400, seed=1).table
    place.mkdir(parents=True)
    for name, content in model_files(fitted).items():
        (place / name).write_bytes(content)
    table.to_parquet(tmp_path / "table.parquet")
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, place, tmp_path / "table.parquet", tmp_path / "said.npy"],
        cwd=ROOT,
        check=True,
    )
    said = np.load(tmp_path / "said.npy")
    np.testing.assert_allclose(said, Model(fitted).predict(table), rtol=1e-6, atol=1e-6)


def test_tasks_of_every_kind_are_recommended(cohort, replicates, patients):
    every = of_all_kinds(cohort)
    config, stack = FitConfig(epochs=2), prepare(every, replicates, with_test=True)
    training = Training(config, stack)
    training.run_epochs(2)
    model = Model(build_model(every, config, stack, training.network.parameters))
    advice = model.recommend(patients)
    assert (advice["Dialysate flow: low"] >= 0).all()  # a count
    levels = ["2.5", "3", "3.25", "3.5", "3.75", "4"]  # in order, without gaps
    for inside in set(advice["Session time: set"]):
        places = [levels.index(one) for one in inside.split(", ")]
        assert places == list(range(places[0], places[-1] + 1))
    assert "Dialysate potassium: second runner-up" not in advice


@pytest.mark.parametrize("kinds", ["built-in", "all"])
@pytest.mark.parametrize("balancer", ["equal", "single_task"])
def test_onnx_says_the_same(cohort, replicates, balancer, kinds):
    cohort = of_all_kinds(cohort) if kinds == "all" else cohort
    config = FitConfig(balancer=BALANCERS[balancer](), epochs=3, linear_path=kinds == "all")
    stack = prepare(cohort, replicates, with_test=True)
    training = Training(config, stack)
    training.run_epochs(3)
    model = Model(build_model(cohort, config, stack, training.network.parameters))
    table = synthetic_cohort(400, seed=1).table
    session = onnxruntime.InferenceSession(to_onnx(model), providers=["CPUExecutionProvider"])
    said = session.run(None, {"design": model.matrix(table)})
    tempered = model.calibrated(table)
    for task, own, found in zip(model.tasks, task_slices(model.tasks), said, strict=True):
        expected = tempered[:, own] if task.is_value else np.exp(tempered[:, own])
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    about = session.get_modelmeta().custom_metadata_map
    assert len(json.loads(about["features"])) == model.matrix(table).shape[1]
    assert [task["name"] for task in json.loads(about["tasks"])] == [t.name for t in model.tasks]
    assert [one.name for one in session.get_outputs()] == [t.name for t in model.tasks]


def test_tasks_may_be_called_as_parts_of_a_table_or_a_graph(cohort, replicates, patients):
    called = {"blood_flow": ("design", "Reason"), "calcium": ("gemm0", "ID")}
    fields = {name: getattr(cohort.schema, name) for name in Schema.model_fields}
    fields["filters"], fields["switches"] = (), {}
    fields["columns"] = [
        column.model_copy(update={"english": name, "title": title})
        for column in cohort.schema.columns
        for name, title in [called.get(column.english, (column.english, column.title))]
    ]
    own = replace(cohort, schema=Schema(**fields))
    config, stack = FitConfig(epochs=1), prepare(own, replicates, with_test=True)
    training = Training(config, stack)
    training.run_epochs(1)
    model = Model(build_model(own, config, stack, training.network.parameters))
    session = onnxruntime.InferenceSession(to_onnx(model), providers=["CPUExecutionProvider"])
    said = session.run(["/design"], {"design": model.matrix(own.table)})[0]
    place = task_slices(model.tasks)[[task.name for task in model.tasks].index("design")]
    np.testing.assert_allclose(said, model.calibrated(own.table)[:, place], rtol=1e-5)
    advice = model.recommend(patients)
    assert advice["Row"].tolist() == list(range(2, 302))
    assert advice["ID"].tolist() == patients["ID"].astype(str).tolist()
    assert {"Reason [design] (mL/min)", "ID [gemm0]: probability"} <= set(advice)


def test_what_is_read_back_is_what_was_written(fitted, model):
    back = model.fitted
    # Descriptions of switches are not written: earlier versions of the reader would refuse them.
    assert back.schema == fitted.schema.model_copy(update={"switches": {}})
    assert back.about == fitted.about
    for name in ("offset", "spread", "committees", "temperatures", "in_use"):
        assert np.array_equal(getattr(back, name), getattr(fitted, name)), name
    for name, array in fitted.learned.items():
        assert np.array_equal(back.learned[name], array), name
    for one, other in zip(back.scores, fitted.scores, strict=True):
        assert (one.count, one.errors.tolist()) == (other.count, other.errors.tolist())
    assert all(
        np.array_equal(value, getattr(fitted.training_domain, name))
        for name, value in vars(back.training_domain).items()
    )


@pytest.mark.parametrize("switches", [set(), {"legacy_age"}, {"begun"}, {"legacy_age", "begun"}])
def test_switches_are_read_back(fitted, switches):
    age, years = fitted.schema.derived
    legacy = Formula("2020 - year(start_date)")
    years = years.model_copy(update={"legacy": legacy, "switch": "begun"})
    schema = fitted.schema.model_copy(update={"derived": (age, years)})
    plain = to_model_file(replace(fitted, schema=schema, switches=frozenset(switches)))
    stored = ModelFile.model_validate(plain)
    assert from_model_file(stored, schema, dict(fitted.layers), None).switches == switches
    assert stored.legacy_age == (switches == {"legacy_age", "begun"})  # all switches on


def test_a_switch_that_the_table_lacks_is_refused(fitted):
    stored = ModelFile.model_validate({**to_model_file(fitted), "switches": ["begun"]})
    with pytest.raises(ModelFileError, match="no switch 'begun'"):
        from_model_file(stored, fitted.schema, dict(fitted.layers), None)
    ages = [d.model_copy(update={"legacy": None}) for d in fitted.schema.derived]
    bare = fitted.schema.model_copy(update={"derived": tuple(ages)})
    stored = ModelFile.model_validate({**to_model_file(fitted), "legacy_age": True})
    with pytest.raises(ModelFileError, match="no legacy formula"):
        from_model_file(stored, bare, dict(fitted.layers), None)


def test_scores_are_those_of_rows_left_out(trained, cohort, fitted):
    training, stack = trained()
    development = np.setdiff1d(np.arange(len(cohort)), stack.test_rows)
    voices = np.zeros((len(stack.pairs), len(cohort)), dtype=bool)
    for own, rows, count in zip(voices, stack.score_rows, stack.score_counts, strict=True):
        own[rows[:count]] = True
    outputs = training.network.forward(torch.from_numpy(stack.features))[-1]
    scale = [
        torch.from_numpy(one.astype(np.float32))[:, None] for one in (stack.offset, stack.spread)
    ]
    natural = training.layout.natural(outputs, *scale).double().numpy()
    for place, (task, own) in enumerate(zip(stack.tasks, task_slices(stack.tasks), strict=True)):
        errors = []
        for row in development:
            said = natural[voices[:, row], row, own]
            label = stack.labels[row, own]
            if task.is_value:
                errors.append(abs(said.mean() - label[0]))
                continue
            chances = np.exp(said).mean(0) ** (1 / fitted.temperatures[place])
            errors.append(1 - (chances / chances.sum() * label).sum())
        assert fitted.scores[place].count == len(development)
        np.testing.assert_allclose(
            fitted.scores[place].errors, np.sort(errors), rtol=1e-4, atol=1e-5
        )


def test_labels_of_held_out_rows_change_nothing(trained, cohort, fitted):
    training, stack = trained()
    labels = stack.labels.copy()
    labels[stack.test_rows] = labels[np.roll(stack.test_rows, 1)]
    assert (labels != stack.labels).any()
    other = build_model(
        cohort, training.config, replace(stack, labels=labels), training.network.parameters
    )
    assert other.temperatures.tolist() == fitted.temperatures.tolist()
    assert other.in_use.tolist() == fitted.in_use.tolist()
    for one, two in zip(other.scores, fitted.scores, strict=True):
        assert one.errors.tolist() == two.errors.tolist()


def test_a_row_that_no_replicate_left_out_scores_nothing(cohort, replicates):
    config, stack = FitConfig(epochs=1), prepare(cohort, replicates[0:1], with_test=True)
    training = Training(config, stack)
    training.run_epochs(1)
    found = build_model(cohort, config, stack, training.network.parameters)
    assert {one.count for one in found.scores} == set(stack.score_counts.tolist())


def test_a_number_beyond_all_sense_leaves_finite_recommendations(model, cohort):
    """Warnings are errors in all tests."""
    table = cohort.table.iloc[:8].copy()
    quantities = list(model.fitted.design.quantities)
    table[quantities] = table[quantities].astype(float)
    for row, value in enumerate((1e39, -1e39, 1e308, -1e308)):
        table.iloc[row, [table.columns.get_loc(name) for name in quantities]] = value
    states = PatientInputs(table, np.arange(8), None)
    for coverage in (0.5, 0.9):
        advice = model.advise(states, coverage)
        numbers = advice.select_dtypes("number")
        assert np.isfinite(numbers).all(axis=None)
        assert advice["Outside"][:4].all()
    chances = model.calibrated(table)
    assert np.isfinite(chances[:, ~is_value_mask(model.tasks)].max(1)).all()


def test_a_row_a_patient_whatever_their_order(model, patients):
    advice = model.recommend(patients)
    assert len(advice) == len(patients)
    assert advice["ID"].tolist() == patients["ID"].astype(str).tolist()
    assert advice["Row"].tolist() == list(range(2, 302))
    order = np.random.default_rng(0).permutation(len(patients))
    mixed = model.recommend(patients.iloc[order])
    for name in advice.columns.drop(["Row"]):
        assert mixed[name].astype(object).fillna("").tolist() == (
            advice[name].astype(object).fillna("").iloc[order].tolist()
        ), name


def test_prescriptions_and_what_follows_from_them_are_not_looked_at(model, schema, patients):
    advice = model.recommend(patients)
    used = set(model.input_schema.read)
    assert not used & {task.column for task in model.tasks}
    written = {c.written for c in schema.columns if c.english in used}
    bare = patients[[name for name in patients.columns if name in written]]
    assert bare.shape[1] < patients.shape[1] - 20
    pd.testing.assert_frame_equal(model.recommend(bare), advice)
    nonsense = patients.copy()
    for column in schema.columns:
        if column.english not in used and column.written in nonsense:
            nonsense[column.written] = "nonsense"
    pd.testing.assert_frame_equal(model.recommend(nonsense), advice)


def test_a_table_without_names_has_row_numbers(model, patients):
    assert "ID" not in model.recommend(patients.drop(columns="ID"))


def test_recommendations_break_no_rule_and_are_in_their_sets(model, patients):
    advice = model.recommend(patients)
    agent = advice["Anticoagulant"].astype(str)
    initial = advice["Initial anticoagulant dose (U)"]
    maintenance = advice["Maintenance anticoagulant dose (U/h)"]
    assert (initial[agent == "0 none"] == 0).all()
    assert (maintenance[agent != "1 heparin"] == 0).all()
    for name in headings(model.fitted.schema):
        if name.labels:
            pairs = zip(advice[name.column()], advice[name.column("set")], strict=True)
            assert all(
                (one if isinstance(one, str) else f"{one:g}") in inside.split(", ")
                for one, inside in pairs
            )


def test_more_coverage_is_wider(model, patients):
    narrow, wide = (model.recommend(patients, coverage) for coverage in (0.5, 0.95))
    assert (wide["Blood flow: low"] < narrow["Blood flow: low"]).all()
    assert (wide["Blood flow: high"] > narrow["Blood flow: high"]).all()
    sizes = [one["Session time: set"].astype(str).str.count(",").mean() for one in (narrow, wide)]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("coverage", [0, 1, 90, float("nan")])
def test_a_coverage_that_is_no_share_is_refused(model, patients, coverage):
    with pytest.raises(InputError, match="share between 0 and 1"):
        model.recommend(patients, coverage)


def test_a_missing_feature_and_a_bad_cell_are_named(model, patients):
    with pytest.raises(InputError, match=r"missing column 'Hct \(%\)'"):
        model.recommend(patients.drop(columns="Hct (%)"))
    broken = patients.copy()
    broken.loc[7, "Na (meq/l)"] = 999
    with pytest.raises(InputError, match=r"'Na \(meq/l\)', row 9: '999.0' is outside 110 to 170"):
        model.recommend(broken)


def test_the_age_is_computed_as_in_the_study(trained, cohort, patients):
    training, stack = trained()
    parameters = training.network.parameters
    switched = replace(cohort, switches=frozenset({"legacy_age", "require_comorbidities"}))
    legacy = build_model(switched, training.config, stack, parameters)
    plain = build_model(cohort, training.config, stack, parameters)
    older, younger = (
        Model(one).recommend(patients)["Blood flow (mL/min)"] for one in (legacy, plain)
    )
    assert (older != younger).any()
    assert to_model_file(legacy)["legacy_age"] is True
    assert to_model_file(legacy).keys() == to_model_file(plain).keys()  # known to earlier versions


def test_a_stack_of_other_rows_is_refused(trained, fitted):
    training, stack = trained()
    other = synthetic_cohort(300, seed=2)
    with pytest.raises(InputError, match=r"the stack has \d+ rows"):
        build_model(other, training.config, stack, training.network.parameters)


def test_a_folder_is_whole_without_the_graph(model_folder, tmp_path):
    shutil.copytree(model_folder, tmp_path / "copy")
    (tmp_path / "copy" / "model.onnx").unlink()
    assert repr(load(tmp_path / "copy")) == repr(load(model_folder))
