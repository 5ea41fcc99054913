"""The skill on subgroups, compared with plain arithmetic and scipy's bootstrap."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from hemomodel.schema.schema import load_schema
from study.analysis.held_out.subgroup_skill import MEAN_TASK, subgroup_skill
from tests.support.made_study import made_up_rows

SCHEMA = load_schema()


def people(count, seed=0):
    random = np.random.default_rng(seed)
    table = {
        "gender": pd.array(random.choice(["1", "2"], count), dtype="str"),
        "age": random.integers(30, 90, count).astype(float),
        "comorbidity_22": random.choice([0.0, 1.0], count),
    }
    return made_up_rows(SCHEMA, pd.DataFrame(table), random)


def losses(rows, share):
    """Returns `share` of the trivial predictor's losses, with some noise."""
    noise = np.random.default_rng(1).uniform(0.8, 1.2, rows.trivial_losses.shape)
    return rows.trivial_losses * share * noise


def row(table, level, task=MEAN_TASK, arm="one"):
    own = table[(table["arm"] == arm) & (table["level"] == level) & (table["task"] == task)]
    return own.iloc[0]


def test_the_estimate_is_the_share_of_the_trivial_loss_that_is_removed():
    rows = people(200)
    own = {"one": [losses(rows, 0.6)], "two": [losses(rows, 0.9)]}
    table = subgroup_skill(SCHEMA, [rows], own)
    women = rows.table["gender"].to_numpy() == "2"
    for arm, (values,) in own.items():
        skill = 1 - values[women].sum(0) / rows.trivial_losses[women].sum(0)
        for place, task in enumerate(SCHEMA.tasks):
            assert row(table, "female", task.name, arm)["estimate"] == pytest.approx(skill[place])
        assert row(table, "female", arm=arm)["estimate"] == pytest.approx(skill.mean())
        assert row(table, "female", arm=arm)["rows"] == women.sum()


def test_the_interval_is_that_of_scipy():
    rows = people(150)
    values = losses(rows, 0.7)
    found = row(subgroup_skill(SCHEMA, [rows], {"one": [values]}), "all", "blood_flow")
    place = [task.name for task in SCHEMA.tasks].index("blood_flow")
    expected = bootstrap(
        (values[:, place], rows.trivial_losses[:, place]),
        lambda a, b, axis: 1 - a.sum(axis) / b.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    width = expected.high - expected.low
    assert found["low"] == pytest.approx(expected.low, abs=0.15 * width)
    assert found["high"] == pytest.approx(expected.high, abs=0.15 * width)


def test_unlabelled_rows_have_no_part_and_few_labels_no_figure():
    rows = people(120)
    known = rows.known.copy()
    known[20:, 0], known[:115, 1] = False, False
    masked = type(rows)(rows.tasks, rows.table, rows.labels, known, rows.units, rows.trivial)
    said = np.random.default_rng(2).normal(masked.trivial, 1, masked.labels.shape)
    table = subgroup_skill(SCHEMA, [masked], {"one": [masked.losses(said)]})
    first, second = (task.name for task in SCHEMA.tasks[:2])
    alone = rows.take(np.arange(20))
    skill = alone.skill(said[:20])[0]
    assert row(table, "all", first)["estimate"] == pytest.approx(skill)
    assert row(table, "all", first)["rows"] == 20
    assert row(table, "all", second)[["rows", "estimate", "low", "high"]].isna().all()
    kinds = table[(table["level"] != "all") & (table["task"] != MEAN_TASK)]
    assert kinds["rows"].isna().all()  # otherwise subtraction could reveal a small subgroup
    rest = table[(table["level"] == "all") & ~table["task"].isin([second, MEAN_TASK])]
    assert row(table, "all")["estimate"] == pytest.approx(rest["estimate"].mean())


def test_a_task_of_ten_labels_has_an_interval_as_every_draw_has_one_of_them():
    rows = people(400)
    owner = np.arange(400)[:, None] // 10
    masked = replace(rows, known=owner == np.arange(len(SCHEMA.tasks)))
    said = np.random.default_rng(2).normal(masked.trivial, 1, masked.labels.shape)
    table = subgroup_skill(SCHEMA, [masked], {"one": [masked.losses(said)]}, seed=2)
    for task in (*(task.name for task in SCHEMA.tasks), MEAN_TASK):
        found = row(table, "all", task)
        assert found["low"] < found["estimate"] < found["high"]


def test_a_task_where_the_trivial_predictor_is_never_wrong_has_no_figures():
    rows = people(60)
    own = losses(rows, 0.7)
    sure = replace(rows)
    vars(sure)["trivial_losses"] = rows.trivial_losses * (np.arange(own.shape[1]) > 0)
    table = subgroup_skill(SCHEMA, [sure], {"one": [own]})
    assert np.isnan(row(table, "all", SCHEMA.tasks[0].name)["estimate"])
    assert np.isfinite(row(table, "all")[["estimate", "low", "high"]].astype(float)).all()


def test_outer_folds_are_one_table_and_repeated_rows_widen_the_interval():
    rows = people(60)
    values = losses(rows, 0.7)
    one = subgroup_skill(SCHEMA, [rows], {"one": [values]})
    twice = subgroup_skill(SCHEMA, [rows, rows], {"one": [values, values]})
    again = np.repeat(np.arange(60), 2)
    grouped = subgroup_skill(SCHEMA, [rows.take(again)], {"one": [values[again]]})
    for table in (twice, grouped):
        assert row(table, "all")["estimate"] == pytest.approx(row(one, "all")["estimate"])
        assert row(table, "all")["rows"] == 120

    def width(table):
        return row(table, "all")["high"] - row(table, "all")["low"]

    assert width(grouped) == pytest.approx(width(one), rel=0.15)
    assert width(twice) == pytest.approx(width(one) / np.sqrt(2), rel=0.15)


def test_many_rows_have_the_interval_of_their_number():
    rows = people(3000)
    values = losses(rows, 0.7)
    found = row(subgroup_skill(SCHEMA, [rows], {"one": [values]}), "all", "blood_flow")
    place = [task.name for task in SCHEMA.tasks].index("blood_flow")
    a, b = values[:, place], rows.trivial_losses[:, place]
    sd = np.std(a - a.sum() / b.sum() * b) / b.mean() / np.sqrt(len(a))  # the delta method
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * sd, rel=0.1)
