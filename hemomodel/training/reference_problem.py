"""One task of one replicate as a problem for scikit-learn, and the inner folds for tuning."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from sklearn.metrics import mean_poisson_deviance
from sklearn.model_selection import GroupKFold, KFold

from hemomodel.arrays import Floats, Rows

__all__ = ["Predictor", "Problem", "base_rates", "inner_folds", "loss_of", "natural", "predicted"]

_FOLDS = 3  # few, because a rare level has few rows
_FOLDS_OF_COUNTS = 5  # more, because the few largest counts decide the loss of a fold


@dataclass(frozen=True)
class Problem:
    """One task of one replicate.

    Attributes:
        x: (n, F), features of the labelled training rows.
        y: (n,), level numbers, or values in the task's unit.
        levels: the number of levels; zero for a value. The order of levels is not used.
        is_count: whether the value is a count.
        groups: (n,), the person of each row; None if no person has two rows.
    """

    x: Floats
    y: Floats
    levels: int
    is_count: bool = False
    groups: Rows | None = None

    def only(self, rows: Rows) -> "Problem":
        """Returns the problem with some rows only."""
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], groups=groups)

    @property
    def is_constant(self) -> bool:
        """Whether scikit-learn cannot fit it: there is a single level, or all counts are zero."""
        return not self.y.any() if self.is_count else bool(self.levels and np.ptp(self.y) == 0)

    @property
    def targets(self) -> Floats:
        """What a model is fitted to: counts are divided by their mean."""
        return self.y / self.y.mean() if self.is_count else self.y

    @property
    def folds(self) -> int:
        """The number of inner folds."""
        return _FOLDS_OF_COUNTS if self.is_count else _FOLDS

    @property
    def whole_groups(self) -> Rows | None:
        """The groups for inner folds; None if there are no groups or fewer than folds."""
        groups = self.groups
        return None if groups is None or len(np.unique(groups)) < self.folds else groups


Predictor: TypeAlias = Callable[[Problem, Floats], Floats]
"""(problem, features (m, F)) -> (m, levels) log-probabilities, or (m, 1) values.

The mean of a count must be above zero, because otherwise its loss is not finite.
"""


def inner_folds(problem: Problem) -> Iterator[tuple[Problem, Problem]]:
    """Yields the training and the validation part of each inner fold; groups are not divided."""
    groups = problem.whole_groups
    kind = KFold if groups is None else GroupKFold
    splitter = kind(problem.folds, shuffle=True, random_state=0)
    for train, rest in splitter.split(problem.x, groups=groups):
        yield problem.only(train), problem.only(rest)


def predicted(model: Any, problem: Problem, at: Floats) -> Floats:
    """Fits a model to the targets of a problem; returns its predictions as a `Predictor`."""
    if problem.is_constant:
        return base_rates(problem, len(at))
    model.fit(problem.x, problem.targets)
    return natural(problem, model.predict_proba(at) if problem.levels else model.predict(at))


def natural(problem: Problem, outputs: Floats) -> Floats:
    """Returns the outputs of a model, fitted to the targets of a problem, as a `Predictor`.

    A level without a training row gets the probability of the trivial predictor.
    """
    if not problem.levels:
        values: Floats = outputs[:, None] * (problem.y.mean() if problem.is_count else 1.0)
        return values
    floor = _half_a_row(problem)
    chances = np.full((len(outputs), problem.levels), floor)
    seen = np.unique(problem.y)
    chances[:, seen] = outputs * (1 - floor * (problem.levels - len(seen)))
    logs: Floats = np.log(chances.clip(np.finfo(np.float64).tiny))
    return logs


def base_rates(problem: Problem, rows: int) -> Floats:
    """Returns the predictions of the trivial predictor for a number of rows.

    If all counts are zero, the mean is half a case divided by the number of rows.
    """
    if problem.is_count:
        return np.full((rows, 1), max(problem.y.mean(), 0.5 / len(problem.y)))
    counts = np.bincount(problem.y, minlength=problem.levels)
    return np.tile(np.log((2 * counts + 1) * _half_a_row(problem)), (rows, 1))


def loss_of(predictions: Floats, problem: Problem) -> float:
    """Returns the mean loss of predictions for the rows of a problem."""
    if problem.is_count:
        return float(mean_poisson_deviance(problem.y, predictions[:, 0]))
    if not problem.levels:
        return float(np.square(predictions[:, 0] - problem.y).mean())
    return float(-predictions[np.arange(len(problem.y)), problem.y].mean())


def _half_a_row(problem: Problem) -> float:
    """Returns the trivial predictor's probability of a level without a training row."""
    return 0.5 / (len(problem.y) + 0.5 * problem.levels)
