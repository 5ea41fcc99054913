"""Temperatures: overconfident predictions are softened; without labels, nothing changes."""

import numpy as np
import pytest
from scipy.special import log_softmax

from hemomodel.dataset.preparation import _one_hot as one_hot
from hemomodel.ensemble.temperature_scaling import apply_temperatures, fit_temperatures
from hemomodel.schema.output_slices import is_value_mask, task_slices


def drawn(tasks, rows, heat, seed=0):
    """Returns log-probabilities, `heat` times too confident, and labels from the right ones."""
    random = np.random.default_rng(seed)
    right = random.normal(0, 1.5, (rows, sum(task.size for task in tasks)))
    labels = np.zeros((rows, len(tasks)))
    predicted = right.copy()
    for place, (task, own) in enumerate(zip(tasks, task_slices(tasks), strict=True)):
        if task.is_value:
            labels[:, place] = random.normal(300, 40, rows)
            continue
        chances = np.exp(log_softmax(right[:, own], axis=1)).cumsum(1)
        labels[:, place] = (random.random((rows, 1)) > chances[:, :-1]).sum(1)
        predicted[:, own] = log_softmax(right[:, own] * heat, axis=1)
    return predicted, one_hot(labels, tasks), np.ones(labels.shape, dtype=bool)


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_the_true_temperature_is_found(schema, heat):
    tasks = schema.tasks
    found = fit_temperatures(tasks, *drawn(tasks, 5_000, heat))
    levels = np.array([not task.is_value for task in tasks])
    np.testing.assert_allclose(found[levels], heat, rtol=0.12)
    assert (found[~levels] == 1).all()


def test_tempered_rows_are_likelier_and_no_level_passes_another(schema):
    tasks = schema.tasks
    predicted, labels, known = drawn(tasks, 500, 4.0)
    cooled = apply_temperatures(tasks, predicted, fit_temperatures(tasks, predicted, labels, known))
    is_value = is_value_mask(tasks)
    assert (cooled[:, is_value] == predicted[:, is_value]).all()
    for task, own in zip(tasks, task_slices(tasks), strict=True):
        if not task.is_value:
            np.testing.assert_allclose(np.exp(cooled[:, own]).sum(1), 1)
            assert (cooled[:, own].argsort(1) == predicted[:, own].argsort(1)).all()
            assert (cooled * labels)[:, own].sum() > (predicted * labels)[:, own].sum()


def test_few_labels_make_no_certainty_and_none_no_change(schema):
    tasks = schema.tasks
    predicted, labels, known = drawn(tasks, 3, 1.0)
    for own in task_slices(tasks):
        labels[:, own] = predicted[:, own] == predicted[:, own].max(1, keepdims=True)
    assert fit_temperatures(tasks, predicted, labels, known).min() >= 0.2
    assert (fit_temperatures(tasks, predicted, labels, ~known) == 1).all()


def test_an_unknown_label_is_not_looked_at(schema):
    tasks = schema.tasks
    predicted, labels, known = drawn(tasks, 400, 2.0)
    known[200:, ::2] = False
    wrong = labels.copy()
    for place, own in enumerate(task_slices(tasks)):
        wrong[~known[:, place], own] = 7.0
    assert (
        fit_temperatures(tasks, predicted, labels, known)
        == fit_temperatures(tasks, predicted, wrong, known)
    ).all()
