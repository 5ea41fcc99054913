"""The tables about the exported models of a study."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax

from hemomodel import synthetic_cohort
from hemomodel.training.metrics import METRICS
from study.analysis.held_out.rows import HeldOutRows, Winner
from study.analysis.held_out.tables import evaluate_winners
from study.report.tables.calibration import calibration_error
from tests.support.made_study import made_up_rows

FOLDS, ARMS = 2, ("equal", "gradnorm")
HOT = 2.5


@pytest.fixture(scope="module")
def rows() -> list[HeldOutRows]:
    """Held-out rows with labels drawn from the predictions of `truth`."""
    cohort = synthetic_cohort(1500, seed=0)
    random = np.random.default_rng(0)
    parts = [cohort.table.iloc[start::4] for start in range(FOLDS)]
    return [follow(made_up_rows(cohort.schema, table, random), random) for table in parts]


def truth(table: pd.DataFrame, tasks) -> np.ndarray:
    """Natural predictions that depend only on weight and age."""
    state = np.nan_to_num(table[["pre_weight", "age"]].to_numpy() - [61, 66]) / 13
    slopes = np.random.default_rng(1).normal(0, 1, (2, sum(task.size for task in tasks)))
    return normalised(tasks, state @ slopes)


def normalised(tasks, said: np.ndarray) -> np.ndarray:
    """Returns logits as log-probabilities, and values unchanged."""
    ends = np.cumsum([task.size for task in tasks])[:-1]
    parts = zip(tasks, np.split(said, ends, axis=1), strict=True)
    return np.hstack([log_softmax(own, 1) if task.levels else own for task, own in parts])


def follow(rows: HeldOutRows, random: np.random.Generator) -> HeldOutRows:
    said, labels = truth(rows.table, rows.tasks), rows.labels.copy()
    ends = np.cumsum([task.size for task in rows.tasks])
    for task, end in zip(rows.tasks, ends, strict=True):
        own = slice(end - task.size, end)
        if task.levels:
            drawn = (said[:, own] + random.gumbel(size=said[:, own].shape)).argmax(1)
            labels[:, own] = np.eye(task.size)[drawn]
        else:
            labels[:, own] = said[:, own] + random.normal(0, 0.5, (len(said), 1))
    trivial = np.where(of_values(rows.tasks), labels.mean(0), np.log(labels.clip(0.02).mean(0)))
    return HeldOutRows(rows.tasks, rows.table, labels, rows.known, rows.units, trivial)


def of_values(tasks) -> np.ndarray:
    return np.repeat([task.is_value for task in tasks], [task.size for task in tasks])


@pytest.fixture(scope="module")
def tables(rows) -> dict[str, pd.DataFrame]:
    tasks = rows[0].tasks
    cold = np.where(of_values(tasks), 1.0, HOT)
    schema = synthetic_cohort(40, seed=0).schema

    def too_sure(table):
        return normalised(tasks, cold * truth(table, tasks))

    winners = [
        Winner(arm, fold, too_sure, lambda table: truth(table, tasks), np.full(len(tasks), HOT))
        for arm in ARMS
        for fold in range(FOLDS)
    ]
    return evaluate_winners(schema, "pretreatment", winners, rows, "gradnorm")


def test_the_right_temperature_calibrates(rows, tables):
    table = tables["ensemble_calibration"]
    errors = {
        stage: calibration_error(own).set_index(["arm", "task"])["error"]
        for stage, own in table.groupby("stage")
    }
    assert (errors["after"] < 0.6 * errors["before"]).all()
    assert errors["after"].max() < 0.06
    sizes = {task.name: task.size for task in rows[0].tasks if task.levels}
    counts = table.groupby(["arm", "stage", "task"])["count"].sum()
    for (_, _, task), count in counts.items():
        assert count == sizes[task] * sum(map(len, rows))


def test_scores_are_those_of_each_outer_fold(rows, tables):
    keys = ["arm", "outer_fold", "task", "metric"]
    table = tables["ensemble_scores"].set_index(keys)["value"]
    for fold, own in enumerate(rows):
        skills = own.skill(truth(own.table, own.tasks))
        for task, skill in zip(own.tasks, skills, strict=True):
            assert table["equal", fold, task.name, "skill"] == pytest.approx(skill)
            assert (("equal", fold, task.name, "temperature") in table.index) != task.is_value
    assert set(table.index.get_level_values("metric")) <= {*METRICS, "temperature"}


def test_features_are_those_of_the_leading_arm_in_each_fold(tables):
    table = tables["permutation"]
    assert set(table["arm"]) == {"gradnorm"}
    assert set(table["outer_fold"]) == {0, 1}
    lost = table.groupby("feature")["mean"].mean()
    assert set(lost.nlargest(2).index) == {"pre_weight", "age"}
    assert (lost.drop(["pre_weight", "age"]) == 0).all()
    titles = table.set_index("feature")[["title", "title_zh"]].drop_duplicates()
    assert tuple(titles.loc["age"]) == ("Age", "年齡")


def test_no_table_holds_a_row_of_a_patient(rows, tables):
    for name, table in tables.items():
        assert not {"id", "birth_date", "row"} & set(table.columns), name
    assert tables["subgroups"].query("rows > 0")["rows"].min() >= 10
