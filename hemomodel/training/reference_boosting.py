"""Gradient boosting as a reference model."""

from itertools import islice
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from hemomodel.arrays import Floats
from hemomodel.training.reference_problem import (
    FittedTask,
    Problem,
    fit_estimator,
    fit_trivial,
    inner_folds,
    mean_loss,
    with_floor,
)

__all__ = ["boosting"]

_DEPTHS = (2, 4)  # for values; for classes only the first, see `boosting`
_CHUNK = 10  # rounds that are fitted at a time
_PATIENCE = 10  # rounds without a lower inner loss before the search stops; it is a noisy curve
_MOST = 500  # rounds


def boosting(problem: Problem) -> FittedTask:
    """Fits gradient boosting; inner cross-validation chooses the rounds, and for values the depth.

    A round of a class grows one tree per level, so that a second depth is expensive; on the tables
    of the tests it is not better there.
    """
    if problem.is_constant:
        return fit_trivial(problem)
    depths = _DEPTHS[:1] if problem.levels else _DEPTHS
    _, rounds, depth = min(_tuned(problem, depth) for depth in depths)
    return fit_estimator(_booster(problem, depth, max_iter=rounds), problem)


def _tuned(problem: Problem, depth: int) -> tuple[float, int, int]:
    """Returns the lowest inner loss of a depth, the rounds that reach it, and the depth."""
    folds = list(inner_folds(problem))
    models = [_booster(problem, depth, warm_start=True) for _ in folds]
    losses: list[float] = []
    best = 0
    while len(losses) < _MOST and len(losses) <= best + _PATIENCE:
        pairs = zip(models, folds, strict=True)
        curves = [_staged(model, *fold, begin=len(losses)) for model, fold in pairs]
        losses += np.mean(curves, axis=0).tolist()
        best = int(np.argmin(losses))
    return losses[best], best + 1, depth


def _staged(model: Any, train: Problem, rest: Problem, begin: int) -> Floats:
    """Fits the next `_CHUNK` rounds, and returns the loss after each of them."""
    if train.is_constant:
        return np.full(_CHUNK, fit_trivial(train).loss(rest))
    fitted = with_floor(
        model.set_params(max_iter=begin + _CHUNK).fit(train.x, train.targets), train
    )
    stages = model.staged_predict_proba if train.levels else model.staged_predict
    outputs = islice(stages(rest.x), begin, None)
    return np.array([mean_loss(fitted.natural(output), rest) for output in outputs])


def _booster(problem: Problem, depth: int, **more: Any) -> Any:
    kind = HistGradientBoostingClassifier if problem.levels else HistGradientBoostingRegressor
    if problem.is_count:
        more["loss"] = "poisson"
    return kind(
        max_depth=depth,
        # If the counts of a leaf are `ratio` times the mean so far, a round multiplies the mean by
        # up to exp(rate * (ratio - 1)). With a rate of 0.2, a few large counts are overshot.
        learning_rate=0.05 if problem.is_count else 0.1,
        min_samples_leaf=20,  # with 10, the probability of a rare level is often too extreme
        l2_regularization=5.0,  # otherwise a level with few rows gets leaves with extreme values
        early_stopping=False,
        random_state=0,
        **more,
    )
