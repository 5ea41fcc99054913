"""Changes of the networks are compared on the same rows, draws and folds."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hemomodel import SyntheticOptions, synthetic_cohort
from hemomodel.dataset.preparation import prepare
from scripts.reproduce import ablation as command
from study.verification.ablation import (
    Protocol,
    Unit,
    measure_references,
    measure_unit,
    on_new_patients,
)
from study.verification.ablation_table import ablation_table, task_table
from study.verification.json_lines import read_records
from tests.support.small_references import small_references

SMALL = Protocol(configurations=3, finalists=2, folds=2, seeds=1, fresh_seeds=1, epochs=4)


@pytest.fixture(scope="module")
def patients():
    return on_new_patients(300, 0, 400)


def test_new_patients_are_held_out_and_take_no_part(patients):
    both, design = patients
    own = synthetic_cohort(300, seed=0)
    assert design.development == len(own)
    split = design.split(both)
    assert np.flatnonzero(split.test).tolist() == list(range(len(own), len(both)))
    np.testing.assert_array_equal(both.labels[: len(own)], own.labels)
    stack = prepare(both, replace(design, folds=2, seeds=1))
    np.testing.assert_array_equal(stack.bayes_prediction, own.bayes_prediction)


def test_new_patients_of_several_sessions_are_nobody_of_before():
    both, design = on_new_patients(300, 0, 400, SyntheticOptions(interactions=1, sessions=3))
    split = design.split(both)
    development, new = both.groups[: design.development], both.groups[design.development :]
    assert not set(development) & set(new)
    for groups in (development, new):
        assert 1 < np.unique(groups, return_counts=True)[1].max() <= 3
    for train, validation in zip(split.train, split.validation, strict=True):
        assert not set(both.groups[train]) & set(both.groups[validation])


def test_a_unit_has_the_figures_of_its_winner(patients):
    unit = Unit(seed=0, fit=dict(command.OFF), space={"hidden.depth": [2, 4]})
    found = measure_unit(unit, *patients, SMALL)
    assert found.keys() == {
        *("network", "skill", "by_task", "oracle", "validation", "config", "epochs", "seconds"),
    }
    assert found["skill"] == pytest.approx(np.mean(found["by_task"]), abs=1e-4)
    assert found["oracle"] > max(found["skill"], found["network"])
    assert 1 <= found["epochs"] <= 4
    assert found["config"]["heads"] == "random"
    again = measure_unit(unit, *patients, SMALL)
    assert {**again, "seconds": 0} == {**found, "seconds": 0}
    json.dumps(found)


@pytest.mark.slow
def test_a_unit_is_scored_as_it_is_exported(patients):
    unit = Unit(seed=0, **command._settings("default"))
    with small_references():
        found = measure_unit(unit, *patients, SMALL)
    assert list(found["exported"]) == ["none", "linear", "forest"]
    for figures in found["exported"].values():
        assert figures["oracle"] == pytest.approx(found["oracle"])
        assert figures["oracle"] > figures["skill"]
    assert found["exported"]["linear"]["skill"] > found["skill"]  # four epochs


def test_a_change_searches_what_it_switches_on():
    fit, space = command._settings("heads+decay+noise").values()
    assert fit == {"heads": "base_rates", "linear_path": False, "schedule": "constant"}
    assert space == {"hidden.depth": [2, 4]}
    assert command._settings("none")["fit"] == command.OFF
    assert command._settings("depth")["space"] == {}
    assert set("+".join(command.CHANGES).split("+")) == {"none", "depth", "default", *command._ON}


def test_the_references_have_the_same_figures(patients):
    with small_references():
        found = measure_references(*patients, SMALL)["references"]
    assert found["base_rate"]["skill"] == pytest.approx(0, abs=0.02)
    assert found["regularised_linear"]["skill"] > 0


def test_the_table_has_differences_on_common_splits():
    def one(split, change, network, skill):
        return {"split": split, "change": change, "network": network, "skill": skill, "oracle": 0.3}

    records = [
        one(0, "none", 0.10, 0.13),
        one(1, "none", 0.12, 0.15),
        one(0, "heads", 0.12, 0.14),
        one(1, "heads", 0.16, 0.16),
        one(2, "heads", 0.90, 0.90),
        {"split": 0, "references": {
            "forest": {"network": 0.1, "skill": 0.14}, "linear": {"network": 0.1, "skill": 0.1},
        }},
    ]  # fmt: skip
    exported = records[2] | {"exported": {"none": {"skill": 0.18, "by_task": [0.1, 0.26]}}}
    records[2] = exported
    table = ablation_table(records).splitlines()
    assert table[2:] == [
        "| none | 2 | 0.110 |  | 0.140 |  | -0.010 |",
        "| heads | 3 | 0.393 | +0.030 ± 0.010 | 0.400 | +0.010 ± 0.000 | +0.000 |",
        "| heads, exported | 1 |  |  | 0.180 | +0.050 | +0.040 |",
        "| forest | 1 | 0.100 |  | 0.140 |  |  |",
        "| linear | 1 | 0.100 |  | 0.100 |  |  |",
        "| oracle | 3 |  |  | 0.300 |  |  |",
    ]
    tasks = task_table([exported, exported], ["dose", "flow"]).splitlines()
    assert tasks[2:] == ["| dose | +0.100 ± 0.000 |", "| flow | +0.260 ± 0.000 |"]


def test_a_truncated_line_is_run_again(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"split": 0}\n{"split": 1')
    assert read_records(file) == [{"split": 0}]
    assert file.read_text() == '{"split": 0}\n'
    assert read_records(tmp_path / "none") == []
