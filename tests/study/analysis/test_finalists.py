"""The results of finalists, against a direct training."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from optuna.trial import TrialState

from hemomodel import FitConfig, Replicates, fit
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.dataset.preparation import prepare
from hemomodel.training.metrics import METRICS
from study.analysis.finalists import Finalist, select_finalists
from study.analysis.held_out.rows import clusters_of_rows
from study.analysis.retrain import retrain_finalist
from study.analysis.winner_tables import winner_tables

CONFIG = FitConfig(hidden=(8, 4), epochs=4, batch_size=32, balancer=GradNorm())


@pytest.fixture
def design():
    return Replicates(folds=2, seeds=2, outer_folds=4)


@pytest.fixture
def stack(double, cohort, design):
    return prepare(cohort, design, with_test=True)


@pytest.fixture
def result(stack):
    return retrain_finalist(CONFIG, stack)


def test_a_finalist_is_trained_as_fit_trains(cohort, design, result):
    run = fit(CONFIG, cohort, design)
    np.testing.assert_allclose(result.validation, run.scores, rtol=1e-10)
    np.testing.assert_allclose(result.curves["weight"], run.history.weights, rtol=1e-10)
    assert torch.equal(result.parameters, run.training.network.parameters)


def test_held_out_figures_agree_with_each_other(stack, result):
    assert set(result.metrics) == set(METRICS) - {"ordinal_mae"}  # no task here is ordinal
    skill = 1 - result.losses.sum(1) / result.trivial.sum(1)
    np.testing.assert_allclose(result.metrics["skill"], skill, rtol=1e-9)
    np.testing.assert_allclose(result.curves["held_out_skill"][-1], skill, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(result.metrics["regret"], result.regret.mean(1), rtol=1e-9)
    # The probabilities of all classes sum to one per row and replicate.
    classes = [t for t, task in enumerate(stack.tasks) if task.kind != "regression"]
    given = result.reliability[classes, :, 0].sum(1)
    np.testing.assert_allclose(given, 4 * len(stack.test_rows))
    np.testing.assert_allclose(result.reliability[classes, :, 1].sum(1), given)
    levels = [stack.tasks[t].size for t in classes]
    np.testing.assert_allclose(
        result.reliability[classes, :, 2].sum(1), 4 * len(stack.test_rows) * np.array(levels)
    )


def test_a_held_out_row_without_a_label_counts_nowhere_in_its_task(double, cohort, design):
    labels = cohort.labels.copy()
    labels[::3, 2], labels[1::3, 4] = np.nan, np.nan
    stack = prepare(replace(cohort, labels=labels), design, with_test=True)
    result, known = retrain_finalist(CONFIG, stack), stack.known[stack.test_rows]
    for rows in (result.losses, result.trivial):
        assert not rows[:, ~known].any()
    skill = 1 - result.losses.sum(1) / result.trivial.sum(1)
    np.testing.assert_allclose(result.metrics["skill"], skill, rtol=1e-9)
    assert result.reliability[2, :, 1].sum() == 4 * known[:, 2].sum()


def test_held_out_rows_carry_numbers_of_their_own_for_whose_they_are(cohort, design):
    people = replace(cohort, groups=7000 - np.arange(len(cohort)) // 3)
    stack = prepare(people, design, with_test=True)
    found, held_out = clusters_of_rows(stack), people.groups[stack.test_rows]
    assert set(found) == set(range(len(set(held_out))))
    same = held_out[:, None] == held_out
    np.testing.assert_array_equal(found[:, None] == found, same)
    assert clusters_of_rows(prepare(cohort, design, with_test=True)) is None


def test_a_part_of_a_stack_trains_as_within_the_whole(stack, result):
    part = retrain_finalist(CONFIG, stack[1:3])
    np.testing.assert_allclose(part.losses, result.losses[1:3], rtol=1e-9)


def test_the_tables_hold_what_was_measured(stack, result):
    finalist = Finalist("gradnorm", 0, 7, SimpleNamespace(), CONFIG)
    tables = winner_tables([(finalist, result)], [stack])
    skill = tables["held_out"].query("metric == 'skill'")
    assert len(skill) == 4 * 10
    np.testing.assert_allclose(skill["value"], result.metrics["skill"].ravel())
    assert list(zip(skill["seed"], skill["fold"], strict=True))[::10] == list(stack.pairs)
    weight = tables["curves"].query("metric == 'weight' and epoch == 3")
    np.testing.assert_allclose(weight["mean"], result.curves["weight"][2].mean(0))
    assert (weight["low"] <= weight["mean"]).all()
    assert (weight["mean"] <= weight["high"]).all()
    last = tables["cosines"].query("epoch == 4").set_index(["task", "other"])["cosine"]
    assert len(last) == 45
    names = [task.name for task in stack.tasks]
    assert last[names[2], names[5]] == pytest.approx(result.cosines[3, 2, 5])
    bins = tables["calibration"]
    assert (bins["predicted"] * 10 >= bins["bin"] - 1e-6).all()
    assert (bins["predicted"] * 10 <= bins["bin"] + 1 + 1e-6).all()
    assert bins["observed"].between(0, 1).all()


def test_the_best_trials_of_each_arm_come_first():
    def trial(number, value, state=TrialState.COMPLETE):
        return SimpleNamespace(
            number=number, value=value, state=state, params={}, user_attrs={"best_epoch": 3}
        )

    trials = [trial(0, 0.1), trial(1, 0.3), trial(2, 0.3), trial(3, None, TrialState.FAIL),
              trial(4, 0.2, TrialState.PRUNED), trial(5, None, TrialState.PRUNED)]  # fmt: skip
    arms = [
        SimpleNamespace(
            name=name, balancers=(name,), outer_fold=0, trials=own, number=lambda k, i=i: 2 * k + i
        )
        for i, (name, own) in enumerate({"equal": trials, "fixed": trials[3:4]}.items())
    ]
    found = select_finalists(arms, lambda _: CONFIG, 3)
    assert [(one.arm, one.number) for one in found] == [("equal", 2), ("equal", 4), ("equal", 8)]
    assert all(one.config == replace(CONFIG, epochs=3) for one in found)
