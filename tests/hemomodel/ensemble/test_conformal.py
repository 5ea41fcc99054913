"""Sets and intervals: against another implementation, and on newly drawn labels."""

import numpy as np
import pytest
from crepes import ConformalClassifier, ConformalRegressor
from hypothesis import given
from hypothesis import strategies as st

from hemomodel import InputError
from hemomodel.dataset.preparation import _one_hot as one_hot
from hemomodel.ensemble.conformal import ConformalScores, conformal_scores, interval, level_sets
from hemomodel.schema.entries import Task
from hemomodel.schema.output_slices import task_slices

LEVELS = Task(
    name="dose",
    column="dose",
    title="Dose",
    kind="classification",
    levels=(0.0, 1.0, 2.0, 3.0),
    meanings=("0", "1", "2", "3"),
    unit="",
)
FLOW = LEVELS.model_copy(
    update={"name": "flow", "kind": "regression", "levels": (), "meanings": (), "unit": "mL/min"}
)


def cases(rows, seed=0):
    """Returns natural predictions (n, 5) of four levels and a value, and labels (n, 2)."""
    random = np.random.default_rng(seed)
    chances = random.dirichlet([1.0, 2.0, 0.5, 1.0], rows)
    level = (random.random((rows, 1)) > chances.cumsum(1)[:, :-1]).sum(1)
    mean = random.normal(300, 30, rows)
    value = mean + random.normal(0, 25, rows)
    predicted = np.column_stack([np.log(chances), mean])
    return predicted, np.column_stack([level, value]).astype(float)


def scores_of(rows, seed=0):
    predicted, labels = cases(rows, seed)
    known = np.ones((rows, 2), dtype=bool)
    return conformal_scores((LEVELS, FLOW), predicted, one_hot(labels, (LEVELS, FLOW)), known)


@pytest.mark.filterwarnings("ignore:the no. of calibration examples")  # 22 rows at 0.99
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("rows", [22, 100, 457])
def test_as_another_implementation(rows, coverage):
    predicted, labels = cases(rows)
    level_scores, flow_scores = scores_of(rows)
    new, _ = cases(200, seed=1)
    chances = np.exp(predicted[:, :4])
    hinge = 1 - chances[np.arange(rows), labels[:, 0].astype(int)]
    oracle = ConformalClassifier().fit(hinge)
    expected = oracle.predict_set(1 - np.exp(new[:, :4]), confidence=coverage, smoothing=False)
    found = level_sets(LEVELS, np.exp(new[:, :4]), level_scores, coverage)
    assert (found == expected.astype(bool)).all()

    regressor = ConformalRegressor().fit(residuals=labels[:, 1] - predicted[:, 4])
    with np.errstate(invalid="ignore"):
        low, high = regressor.predict_int(y_hat=new[:, 4], confidence=coverage).T
    _, own_low, own_high = interval(FLOW, new[:, 4], flow_scores, coverage)
    np.testing.assert_allclose(own_low, low)
    np.testing.assert_allclose(own_high, high)


@given(
    count=st.integers(0, 400),
    coverage=st.floats(0.01, 0.99),
)
def test_the_quantile_leaves_the_share_below(count, coverage):
    kept = np.arange(1.0, count + 1)
    quantile = ConformalScores(count, kept).quantile(coverage)
    rank = int(np.ceil((count + 1) * coverage - 1e-9))
    assert quantile == (rank if rank <= count else np.inf)


@pytest.mark.parametrize("coverage", [0.1, 0.5, 0.9, 0.99])
def test_thinned_scores_are_hardly_and_never_too_small(coverage):
    rows = 30_000
    every = np.sort(np.random.default_rng(0).random(rows))
    predicted = np.column_stack([np.zeros((rows, 4)), every])
    labels = one_hot(np.zeros((rows, 2)), (LEVELS, FLOW))
    thin = conformal_scores((LEVELS, FLOW), predicted, labels, np.ones((rows, 2), dtype=bool))[1]
    assert len(thin.errors) == 2_000
    exact = ConformalScores(rows, every)
    rank = int(np.ceil((rows + 1) * coverage))
    assert every[rank - 1] <= thin.quantile(coverage) <= every[min(rank + 15, rows - 1)]
    assert exact.count == thin.count


@pytest.mark.parametrize("coverage", [0.7, 0.9])
def test_the_stated_share_of_new_labels_is_inside(coverage):
    inside = []
    for seed in range(40):
        scores = scores_of(120, seed)
        new, labels = cases(500, seed=seed + 1000)
        sets = level_sets(LEVELS, np.exp(new[:, :4]), scores[0], coverage)
        _, low, high = interval(FLOW, new[:, 4], scores[1], coverage)
        hit = sets[np.arange(500), labels[:, 0].astype(int)]
        inside.append((hit.mean(), ((low <= labels[:, 1]) & (labels[:, 1] <= high)).mean()))
    np.testing.assert_allclose(np.mean(inside, axis=0), coverage, atol=0.02)


def test_with_too_few_labels_everything_is_possible():
    scores = scores_of(8)
    new, _ = cases(5, seed=1)
    assert level_sets(LEVELS, np.exp(new[:, :4]), scores[0], 0.9).all()
    _, low, high = interval(FLOW, new[:, 4], scores[1], 0.9)
    assert np.isinf(low).all()
    assert np.isinf(high).all()


def test_an_ordered_set_has_no_hole():
    chances = np.array([[0.4, 0.1, 0.4, 0.1]])
    scores = ConformalScores(9, np.full(9, 0.7))
    assert level_sets(LEVELS, chances, scores, 0.9).tolist() == [[True, False, True, False]]
    ordered = LEVELS.model_copy(update={"kind": "ordinal"})
    assert level_sets(ordered, chances, scores, 0.9).tolist() == [[True, True, True, False]]


def test_values_come_back_in_their_own_unit():
    scores = ConformalScores(9, np.full(9, np.log(2.0)))
    said = np.array([np.log(10.0)])
    found = interval(FLOW.model_copy(update={"transform": "log"}), said, scores, 0.9)
    np.testing.assert_allclose(np.ravel(found), [10.0, 5.0, 20.0])
    counts = interval(FLOW.model_copy(update={"kind": "count"}), np.array([0.3]), scores, 0.9)
    np.testing.assert_allclose(np.ravel(counts), [0.3, 0.0, 0.3 + np.log(2.0)])


def test_an_unknown_label_scores_nothing():
    predicted, labels = cases(50)
    known = np.ones((50, 2), dtype=bool)
    known[20:, 0] = False
    labels[20:, 0] = np.nan
    found = conformal_scores((LEVELS, FLOW), predicted, one_hot(labels, (LEVELS, FLOW)), known)
    assert [one.count for one in found] == [20, 50]


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 90, float("nan")])
def test_what_is_no_share_is_refused(coverage):
    with pytest.raises(InputError, match="give a share between 0 and 1"):
        scores_of(20)[0].quantile(coverage)


def test_columns_are_the_tasks():
    assert task_slices((LEVELS, FLOW)) == [slice(0, 4), slice(4, 5)]
