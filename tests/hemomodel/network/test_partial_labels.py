"""Partly labelled rows: unknown labels enter no figure and do not affect the known ones."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from hemomodel import FitConfig, Replicates
from hemomodel.balancers._base import BALANCERS
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.splits import strata
from hemomodel.training.loop import Training
from tests.support.task_kinds import of_all_kinds

WHOLE = FitConfig(hidden=(8, 6, 4), epochs=3, batch_size=100)  # each step takes every row
ROWS, LACKING = 80, 20


@pytest.fixture
def mixed(double, cohort):
    """One replicate of 80 training rows, with tasks of all kinds."""
    stack = prepare(of_all_kinds(cohort), Replicates(folds=2, seeds=1)[:1])
    return shortened(stack, ROWS)


def shortened(stack, rows):
    return replace(
        stack,
        train_rows=stack.train_rows[:, :rows],
        train_counts=np.array([rows]),
        rows_per_epoch=rows,
    )


def only(stack, place):
    """Returns the stack of one task."""
    sizes = [task.size for task in stack.tasks]
    columns = np.repeat(np.arange(len(sizes)) == place, sizes)
    cut = {
        field.name: getattr(stack, field.name)[:, columns]
        for field in fields(stack)
        if field.name in {"labels", "offset", "spread", "trivial", "bayes_prediction"}
    }
    return replace(
        stack, tasks=stack.tasks[place : place + 1], known=stack.known[:, [place]], **cut
    )


def check_as_if_removed(config, stack, near):
    """Training is the same whether some rows lose all their labels or are removed."""
    known = stack.known.copy()
    known[stack.train_rows[0, ROWS - LACKING :]] = False
    masked = Training(config, replace(stack, known=known))
    removed = Training(config, shortened(stack, ROWS - LACKING))
    for ours, theirs in zip(masked.run_epochs(3), removed.run_epochs(3), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=near, atol=near)
    parameters = masked.network.parameters, removed.network.parameters
    torch.testing.assert_close(*parameters, rtol=near, atol=near)


@pytest.mark.parametrize("kind", ["binary", "classification", "ordinal", "regression", "count"])
def test_a_task_trains_as_if_its_unlabelled_rows_were_not_there(mixed, kind):
    stack = only(mixed, [task.kind for task in mixed.tasks].index(kind))
    check_as_if_removed(WHOLE, stack, near=1e-12)


@pytest.mark.parametrize("name", BALANCERS)
def test_a_row_without_any_label_trains_as_if_it_were_not_there(mixed, name):
    balancer = BALANCERS[name]()
    near = 1e-10 if balancer.weighs_heads else 1e-6  # a solver magnifies rounding
    check_as_if_removed(replace(WHOLE, balancer=balancer), mixed, near)


def test_figures_are_those_of_the_labelled_rows(mixed):
    """Figures are the same whether every third row lacks a task's label or is not scored."""
    rows = mixed.score_rows[0]
    for third in range(3):
        tasks = [place for place in range(len(mixed.tasks)) if place % 3 == third]
        kept = np.arange(len(rows)) % 3 != third
        known = mixed.known.copy()
        known[np.ix_(rows[~kept], tasks)] = False
        masked, plain = Training(WHOLE, replace(mixed, known=known)), Training(WHOLE, mixed)
        rest = plain.scored_rows(rows[None, kept], np.array([kept.sum()]))
        ours = masked.scored.metrics(masked.outputs())
        theirs = rest.metrics(plain.outputs(rest))
        for name, figure in ours.items():
            torch.testing.assert_close(figure[:, tasks], theirs[name][:, tasks], equal_nan=True)
        for ours, theirs in (
            (masked.scored.row_losses(masked.outputs()), rest.row_losses(plain.outputs(rest))),
            (masked.scored.trivial_row_losses(), rest.trivial_row_losses()),
            (masked.scored.row_regret(masked.outputs()), rest.row_regret(plain.outputs(rest))),
        ):
            assert (ours[:, ~kept][..., tasks] == 0).all()
            torch.testing.assert_close(ours[:, kept][..., tasks], theirs[..., tasks])


def test_rows_without_a_known_level_are_spread_over_the_folds_too(cohort):
    labels = cohort.labels.copy()
    classes = [place for place, task in enumerate(cohort.schema.tasks) if task.levels]
    labels[np.ix_(np.arange(0, 40), classes)] = np.nan
    stratum = strata(labels, cohort.schema.tasks)
    assert len(set(stratum[:40])) == 1
    assert stratum[0] not in stratum[40:]
    split = Replicates(folds=4, seeds=1).split(replace(cohort, labels=labels))
    assert split.test[:40].sum() == pytest.approx(8, abs=1)
    assert split.validation[:, :40].sum(1) == pytest.approx(8, abs=1)
