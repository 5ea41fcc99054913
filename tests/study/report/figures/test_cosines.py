"""The share of conflicting task pairs, for different orders of the pairs in a table."""

from dataclasses import replace

import pandas as pd
import pytest

from study.report.figures.cosines import conflict_figure
from study.report.load import LoadedStudy, open_study
from study.store.study_folder import StudyFolder

SWAP = {"task": "other", "other": "task"}
# In schema order: some pairs are in alphabetical order, and some are not.
PAIRS = pd.DataFrame(
    [
        ("potassium", "calcium", -0.5),
        ("potassium", "session_time", 0.2),
        ("potassium", "anticoagulant", -0.1),
        ("calcium", "session_time", 0.3),
        ("calcium", "anticoagulant", 0.4),
    ],
    columns=["task", "other", "cosine"],
)


@pytest.fixture(scope="module")
def study(folder: StudyFolder) -> LoadedStudy:
    return open_study(folder)


def shares(study: LoadedStudy, table: pd.DataFrame) -> list[float]:
    """Returns the shares of the only arm in the table, by epoch."""
    figure = conflict_figure(replace(study, tables={**study.tables, "cosines": table}))
    (trace,) = figure.data
    return list(trace["y"])


def at(pairs: pd.DataFrame, epoch: int = 1, outer_fold: int = 0) -> pd.DataFrame:
    return pairs.assign(arm="equal", epoch=epoch, outer_fold=outer_fold)


ITSELF = pd.DataFrame([("calcium", "calcium", 1.0)], columns=list(PAIRS))


@pytest.mark.parametrize(
    "pairs",
    [
        PAIRS,
        PAIRS.rename(columns=SWAP),
        pd.concat([PAIRS[:2].rename(columns=SWAP), PAIRS[2:]]),
        pd.concat([PAIRS, PAIRS.rename(columns=SWAP), ITSELF]),
        PAIRS[::-1],
    ],
    ids=["as written", "swapped", "some swapped", "both orders and itself", "last row first"],
)
def test_each_pair_counts_once_in_any_order(study: LoadedStudy, pairs: pd.DataFrame) -> None:
    assert shares(study, at(pairs)) == pytest.approx([2 / 5])


def test_a_pair_counts_in_every_epoch_and_outer_fold(study: LoadedStudy) -> None:
    agree = PAIRS.assign(cosine=0.5)
    table = pd.concat([at(PAIRS), at(agree, outer_fold=1), at(agree, epoch=2)])
    assert shares(study, table) == pytest.approx([2 / 10, 0])


def test_a_study_s_own_table_keeps_every_pair(study: LoadedStudy) -> None:
    cosines = study.tables["cosines"]
    rows = cosines[cosines["arm"] == "equal"]
    count = len(study.tasks)
    pairs = count * (count - 1) // 2
    assert set(rows.groupby(["epoch", "outer_fold"]).size()) == {pairs}
    conflicts = (rows["cosine"] < 0).groupby(rows["epoch"]).mean()
    assert shares(study, rows) == pytest.approx(conflicts.tolist())
