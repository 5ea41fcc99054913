"""The reference models: scikit-learn's predictions of each task, scored like a network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import xlogy
from sklearn.linear_model import LogisticRegression, PoissonRegressor, RidgeCV

from hemomodel import Replicates
from hemomodel.dataset.preparation import prepare
from hemomodel.network.heads import HeadLayout
from hemomodel.training.reference_models import REFERENCES, fit_references, reference_losses
from hemomodel.training.reference_problem import Problem
from tests.support.small_references import small_references
from tests.support.task_kinds import of_all_kinds

FITTED = sorted(REFERENCES)


TASKS = ("modality", "blood_flow", "dialysate_flow", "calcium", "potassium")


@pytest.fixture(scope="module")
def held_out(cohort):
    """Two replicates of some tasks, one of each kind, with held-out rows, in double precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    replicates = Replicates(folds=5, seeds=1)[:2]
    yield with_tasks(prepare(of_all_kinds(cohort), replicates, with_test=True))
    torch.set_default_dtype(before)


def with_tasks(stack):
    chosen = np.array([task.name in TASKS for task in stack.tasks])
    columns = np.repeat(chosen, [task.size for task in stack.tasks])
    per_column = ("labels", "offset", "spread", "trivial", "bayes_prediction")
    return replace(
        stack,
        tasks=tuple(task for task in stack.tasks if task.name in TASKS),
        known=stack.known[:, chosen],
        **{name: getattr(stack, name)[:, columns] for name in per_column},
    )


@pytest.fixture(scope="module")
def found(held_out):
    return fitted_losses(held_out)


def fitted_losses(stack):
    with small_references():
        return reference_losses(stack, fit_references(stack))


def first(stack, name):
    """Returns a task's place and its features, labels and training rows in the first replicate."""
    place = [task.name for task in stack.tasks].index(name)
    start = sum(task.size for task in stack.tasks[:place])
    rows = stack.train_rows[0][: stack.train_counts[0]]
    columns = stack.labels[:, start : start + stack.tasks[place].size]
    return place, stack.features[0], columns, rows


def toy(levels, y):
    x = np.random.default_rng(0).normal(size=(len(y), 3))
    return Problem(x, np.asarray(y), levels)


def test_the_base_rate_has_no_skill(found, held_out):
    assert list(found) == ["base_rate", "regularised_linear", "gradient_boosting", "forest"]
    np.testing.assert_allclose(found["base_rate"].metrics["skill"], 0, atol=1e-12)
    assert found["base_rate"].losses.shape == (2, len(held_out.test_rows), len(TASKS))


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_model_beats_the_base_rate_where_there_is_something_to_learn(found, name):
    skill = found[name].metrics["skill"].mean(0)
    assert np.isfinite(skill).all()
    assert (skill > 0).sum() >= 4
    assert skill.max() > 0.3
    assert skill.min() > -0.15


@pytest.mark.parametrize("name", ["base_rate", *FITTED])
def test_losses_and_metrics_say_the_same(found, held_out, name):
    losses, metrics = found[name].losses, found[name].metrics
    regression, count = (
        np.array([task.kind == kind for task in held_out.tasks]) for kind in ("regression", "count")
    )
    expected = np.where(regression, metrics["rmse"] ** 2, metrics["cross_entropy"])
    np.testing.assert_allclose(losses.mean(1)[:, ~count], expected[:, ~count], rtol=1e-10)
    trivial = found["base_rate"].losses.mean(1)
    np.testing.assert_allclose(metrics["skill"], 1 - losses.mean(1) / trivial, atol=1e-10)


def test_the_linear_model_of_a_class_is_scikit_learns(found, held_out):
    place, x, columns, rows = first(held_out, "calcium")
    level = columns.argmax(1)
    assert set(level[rows]) == {0, 1, 2}
    direct = []
    for strength in (1e-3, 1e-2, 1e-1, 1.0):
        model = LogisticRegression(C=strength, max_iter=1000).fit(x[rows], level[rows])
        chances = model.predict_proba(x[held_out.test_rows])
        direct.append(-np.log(chances[np.arange(len(chances)), level[held_out.test_rows]]))
    losses = found["regularised_linear"].losses[0, :, place]
    assert min(np.abs(losses - one).max() for one in direct) < 1e-6


def test_the_linear_model_of_a_flow_is_scikit_learns(found, held_out):
    place, x, columns, rows = first(held_out, "blood_flow")
    model = RidgeCV(np.logspace(-1, 5, 13)).fit(x[rows], columns[rows, 0])
    said = model.predict(x[held_out.test_rows])
    error = (said - columns[held_out.test_rows, 0]) ** 2
    losses = found["regularised_linear"].losses[0, :, place]
    np.testing.assert_allclose(losses, error, rtol=1e-8, atol=1e-8)


def test_the_linear_model_of_a_count_is_scikit_learns(found, held_out):
    place, x, columns, rows = first(held_out, "dialysate_flow")
    y, mean = columns[rows, 0], columns[rows, 0].mean()
    truth = columns[held_out.test_rows, 0]
    direct = []
    for alpha in np.logspace(-4, 1, 6):
        model = PoissonRegressor(alpha=alpha, max_iter=1000).fit(x[rows], y / mean)
        said = mean * model.predict(x[held_out.test_rows])
        direct.append(xlogy(truth, truth / said) - truth + said)
    losses = found["regularised_linear"].losses[0, :, place]
    assert min(np.abs(losses - one).max() for one in direct) < 1e-10


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("cases", [0, 1, 2])
def test_counts_that_are_nearly_all_zero_have_a_mean_above_it(name, cases):
    problem = replace(toy(0, np.arange(30.0) < cases), is_count=True)
    fitted = REFERENCES[name](replace(problem, y=problem.y.astype(float)))
    means = fitted.predict(problem.x)
    assert (means > 0).all()
    assert np.isfinite(means).all()


@pytest.mark.parametrize("name", FITTED)
def test_a_strength_is_chosen_on_persons_that_the_model_has_not_seen(name):
    """Every row occurs three times: a model that saw two copies would fit the third's noise."""
    random = np.random.default_rng(3)
    x, noise = random.normal(size=(60, 40)), random.normal(size=60)
    copies = Problem(np.repeat(x, 3, 0), np.repeat(noise, 3), 0)
    persons = replace(copies, groups=np.repeat(np.arange(60), 3))
    new = random.normal(size=(500, 40))
    size = {p.groups is None: REFERENCES[name](p).predict(new).std() for p in (copies, persons)}
    assert size[False] < 0.7 * size[True]


def test_a_fit_depends_on_its_own_training_rows_alone(found, held_out):
    """Alone, and with other labels in the validation rows."""
    unseen = np.setdiff1d(held_out.score_rows[1], held_out.train_rows[1])
    labels = held_out.labels.copy()
    labels[unseen] = np.roll(labels[unseen], 1, axis=0)
    assert not np.array_equal(labels, held_out.labels)
    spoiled = replace(held_out, labels=labels)[1:2]
    for name, model in fitted_losses(spoiled).items():
        assert np.array_equal(model.losses[0], found[name].losses[1])


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("levels", [2, 3, 6])
def test_chances_sum_to_one_and_a_level_without_rows_has_the_trivial_chance(name, levels):
    problem = toy(levels, [0, 1] * 20)
    chances = np.exp(REFERENCES[name](problem).predict(problem.x[:7]))
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-12)
    np.testing.assert_allclose(chances[:, 2:], 0.5 / (40 + 0.5 * levels), rtol=1e-12)


@pytest.mark.parametrize("name", FITTED)
def test_a_single_level_is_no_failure(name):
    problem = toy(3, [1] * 12)
    chances = np.exp(REFERENCES[name](problem).predict(problem.x))
    np.testing.assert_allclose(chances, [[0.5 / 13.5, 12.5 / 13.5, 0.5 / 13.5]] * 12)


@pytest.mark.parametrize("name", FITTED)
def test_a_level_of_one_row_is_no_failure(name):
    problem = toy(3, [2] + [0, 1] * 15)
    assert np.isfinite(REFERENCES[name](problem).predict(problem.x)).all()


def test_an_unlabelled_row_is_not_fitted(held_out):
    """A task without the labels of some rows is fitted as if the rows were not there."""
    few = held_out.train_rows[:1, :60]
    known = held_out.known.copy()
    known[few[0, 40:]] = False
    lacking = replace(held_out[:1], known=known, train_rows=few, train_counts=np.array([60]))
    shorter = replace(held_out[:1], train_rows=few[:, :40], train_counts=np.array([40]))
    one, other = fitted_losses(lacking), fitted_losses(shorter)
    for name in FITTED:
        assert np.array_equal(one[name].losses, other[name].losses)


def test_validation_rows_can_be_scored_instead(held_out):
    stack = held_out[:1]
    scored = reference_losses(stack, {}, (stack.score_rows, stack.score_counts))["base_rate"]
    layout = HeadLayout(stack.tasks)
    labels = torch.from_numpy(stack.labels[stack.score_rows])
    trivial = torch.from_numpy(stack.trivial).unsqueeze(1).expand_as(labels)
    expected = layout.natural_losses(trivial, labels) @ layout.member
    np.testing.assert_allclose(scored.losses, expected.numpy(), rtol=1e-10, atol=1e-8)
