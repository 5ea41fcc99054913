"""The permutation importance of features, compared with the known drivers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hemomodel import Cohort, FitConfig, Model, Replicates, synthetic_cohort
from hemomodel.cohort.synthetic.cohort import bayes_optimum
from hemomodel.cohort.synthetic.state import State
from hemomodel.dataset.preparation import prepare
from hemomodel.ensemble.build import build_model
from hemomodel.training.loop import Training
from study.analysis.held_out.permutation_importance import (
    MAX_ROWS,
    permutation_importance,
    source_columns,
)
from study.analysis.held_out.rows import HeldOutRows, held_out_rows

NUMBERS = {
    "age": "age", "vintage": "treatment_year", "weight": "pre_weight", "hemoglobin": "hemoglobin",
    "hematocrit": "hematocrit", "mcv": "mcv", "wbc": "wbc", "platelets": "platelets",
    "creatinine": "creatinine", "sodium": "sodium", "potassium": "serum_potassium",
    "calcium": "ionized_calcium", "phosphorus": "phosphorus", "ctr": "ctr",
}  # fmt: skip
# The features that the generator uses for each task; it uses no others.
DRIVERS = {
    "modality": ["age", "treatment_year", "phosphorus", "comorbidities", "pre_weight", "gender"],
    "anticoagulant": ["comorbidities", "serum_potassium", "hemoglobin", "age", "platelets",
                      "gender"],
    "initial_dose": ["pre_weight", "age", "comorbidities", "hematocrit", "serum_potassium",
                     "hemoglobin", "platelets", "gender", "treatment_year"],
    "maintenance_dose": ["pre_weight", "age", "hematocrit", "comorbidities", "hemoglobin",
                         "serum_potassium", "platelets", "gender", "treatment_year"],
    "blood_flow": ["pre_weight", "age", "gender", "serum_potassium", "comorbidities",
                   "treatment_year"],
    "session_time": ["pre_weight", "age", "phosphorus", "treatment_year", "comorbidities"],
    "surface_area": ["pre_weight", "age", "gender", "comorbidities", "phosphorus",
                     "treatment_year"],
    "calcium": ["ionized_calcium", "comorbidities", "phosphorus", "age", "treatment_year"],
    "potassium": ["serum_potassium", "comorbidities"],
}  # fmt: skip
FIRST = {
    "potassium": "serum_potassium",
    "calcium": "ionized_calcium",
    "surface_area": "pre_weight",
    "blood_flow": "pre_weight",
    "initial_dose": "pre_weight",
    "maintenance_dose": "pre_weight",
    "anticoagulant": "comorbidities",
}


def state(table: pd.DataFrame) -> State:
    numbers = {k: table[v].fillna(table[v].mean()).to_numpy() for k, v in NUMBERS.items()}
    flags = table[[f"comorbidity_{code}" for code in range(1, 34)]].fillna(0).to_numpy() > 0
    nothing = np.zeros(len(table), dtype=int)
    return State(
        female=(table["gender"] == "2").to_numpy(float),
        comorbidity=flags,
        hepatitis_b=nothing,
        hepatitis_c=nothing,
        glucose=nothing.astype(float),
        **numbers,
    )


@pytest.fixture(scope="module")
def patients() -> Cohort:
    return synthetic_cohort(3000, seed=3)


@pytest.fixture(scope="module")
def rows(patients: Cohort) -> HeldOutRows:
    design = Replicates(folds=2, seeds=1, outer_folds=8)
    return held_out_rows(patients, prepare(patients, design, with_test=True))


@pytest.fixture(scope="module")
def of_the_oracle(patients: Cohort, rows: HeldOutRows) -> pd.DataFrame:
    """The skill that the best possible predictor loses, feature by task."""
    schema = patients.schema
    value = np.repeat([task.is_value for task in schema.tasks], [t.size for t in schema.tasks])

    def predict(table: pd.DataFrame) -> np.ndarray:
        found = bayes_optimum(state(table), schema)
        return np.where(value, found, np.log(found.clip(1e-9)))

    found = permutation_importance(predict, rows, source_columns(schema, "pretreatment"))
    return found.pivot_table(index="feature", columns="task", values="mean", sort=False)


def test_what_the_oracle_does_not_read_is_worth_nothing(of_the_oracle):
    for task, drivers in DRIVERS.items():
        others = of_the_oracle[task].drop(drivers)
        assert (others == 0).all(), task


@pytest.mark.parametrize(("task", "driver"), FIRST.items())
def test_the_generators_first_driver_comes_first(of_the_oracle, task, driver):
    assert of_the_oracle[task].idxmax() == driver
    assert of_the_oracle[task][driver] > 0.05


@pytest.mark.slow
def test_networks_lean_on_the_generators_drivers():
    patients = synthetic_cohort(10_000, seed=1)
    design = Replicates(folds=3, seeds=1, outer_folds=8)
    stack = prepare(patients, design, with_test=True)
    config = FitConfig(epochs=8)
    training = Training(config, stack)
    training.run_epochs(config.epochs)
    model = Model(build_model(patients, config, stack, training.network.parameters))
    features = source_columns(patients.schema, "pretreatment")
    found = permutation_importance(model.calibrated, held_out_rows(patients, stack), features)
    lost = found.pivot_table(index="feature", columns="task", values="mean")
    assert lost[list(FIRST)].idxmax().to_dict() == FIRST
    assert lost.loc[["sodium", "wbc", "mcv", "creatinine", "ctr"]].to_numpy().max() < 0.02


def test_a_list_of_codes_is_shuffled_as_one(rows, patients):
    features = source_columns(patients.schema, "pretreatment")
    flags = list(features["comorbidities"])
    seen = []

    def predict(table):
        seen.append(table[flags].to_numpy())
        return np.broadcast_to(rows.trivial, rows.labels.shape).copy()

    found = permutation_importance(predict, rows, {"comorbidities": features["comorbidities"]})
    assert (found["mean"] == 0).all()
    original = {tuple(row) for row in np.nan_to_num(seen[0], nan=-1)}
    assert len(seen) == 11
    for shuffled in seen[1:]:
        assert {tuple(row) for row in np.nan_to_num(shuffled, nan=-1)} == original
        assert not np.array_equal(shuffled, seen[0], equal_nan=True)


def test_sources_are_columns_derived_features_and_lists(patients):
    found = source_columns(patients.schema, "pretreatment")
    assert found["age"] == ("age",)
    assert found["gender"] == ("gender",)
    assert len(found["comorbidities"]) == 33
    assert "urr" not in found
    assert len(found) == 19


def test_the_shuffles_are_seeded(rows, patients):
    slope = np.random.default_rng(0).normal(0, 0.1, len(rows.trivial))

    def predict(table):
        return rows.trivial + table[["age"]].to_numpy() / 60 * slope

    features = {"age": ("age",), "sodium": ("sodium",)}
    one, other = (permutation_importance(predict, rows, features) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)
    assert (one[one["feature"] == "sodium"][["mean", "sd"]] == 0).all(axis=None)


def rare(rows, count):
    """Returns many rows; only the first `count` have a label of the first task."""
    many = rows.take(np.arange(4 * MAX_ROWS) % len(rows))
    known = many.known.copy()
    known[count:, 0] = False
    return replace(many, known=known)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [0, 1])
def test_of_many_rows_those_with_rare_labels_are_kept(rows, count):
    own = rare(rows, count)
    seen = []

    def predict(table):
        seen.append(len(table))
        return own.trivial + np.nan_to_num(table[["age"]].to_numpy()) / 600

    found = permutation_importance(predict, own, {"age": ("age",)})
    assert set(seen) == {MAX_ROWS}
    names = [task.name for task in own.tasks]
    assert list(found["task"]) == (names if count else names[1:])
    assert np.isfinite(found[["mean", "sd"]]).all(axis=None)
    assert np.isnan(own.skill(predict(own.table))[0]) == (count == 0)


def test_a_column_may_have_any_name(rows):
    table = rows.table.rename(columns={"age": "self"})
    own = replace(rows, table=table)

    def predict(table):
        return own.trivial + np.nan_to_num(table[["self"]].to_numpy()) / 600

    found = permutation_importance(predict, own, {"self": ("self",)})
    assert (found["sd"] > 0).any()
