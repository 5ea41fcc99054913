"""One task of one replicate as a problem for scikit-learn, and the inner folds for tuning."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from sklearn.metrics import mean_poisson_deviance
from sklearn.model_selection import GroupKFold, KFold

from hemomodel.arrays import Floats, Rows

__all__ = [
    "FitFunction", "FittedTask", "Problem", "fit_estimator", "fit_trivial",
    "half_a_row", "inner_folds", "mean_loss", "with_floor",
]  # fmt: skip

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
    def size(self) -> int:
        """The number of levels, or 1 for a value."""
        return self.levels or 1

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


@dataclass(frozen=True, eq=False)
class FittedTask:
    """A fitted model of one task of one replicate: scikit-learn's outputs * scale + shift.

    The outputs are the probabilities of k levels, or one value (k = 1). Scale and shift give a
    probability above zero to every level, and return counts to their unit.

    Attributes:
        estimator: of scikit-learn; None if the prediction is the shift for every row.
        columns: the levels that occurred in the training rows; (0,) for a value.
        scale, shift: (k,).
        is_value: whether the task has a value and no levels.
    """

    estimator: Any
    columns: Rows
    scale: Floats
    shift: Floats
    is_value: bool

    def predict(self, x: Floats) -> Floats:
        """Returns log-probabilities, or values in the task's unit, (m, k) for features (m, F).

        The mean of a count is above zero, because otherwise its loss is not finite.
        """
        if self.estimator is None:
            return self.natural(np.zeros((len(x), len(self.columns))))
        predict = self.estimator.predict if self.is_value else self.estimator.predict_proba
        return self.natural(predict(x))

    def natural(self, outputs: Floats) -> Floats:
        """Returns what `predict` returns, for the estimator's outputs (m,) or (m, columns)."""
        every = np.zeros((len(outputs), len(self.scale)))
        every[:, self.columns] = outputs.reshape(len(outputs), -1)
        predicted: Floats = every * self.scale + self.shift
        return predicted if self.is_value else np.log(predicted.clip(np.finfo(np.float64).tiny))

    def loss(self, problem: Problem) -> float:
        """Returns the mean loss for the rows of a problem."""
        return mean_loss(self.predict(problem.x), problem)


FitFunction: TypeAlias = Callable[[Problem], FittedTask]
"""Fits a family of models; inner folds choose its regularisation."""


def inner_folds(problem: Problem) -> Iterator[tuple[Problem, Problem]]:
    """Yields the training and the validation part of each inner fold; groups are not divided."""
    groups = problem.whole_groups
    kind = KFold if groups is None else GroupKFold
    splitter = kind(problem.folds, shuffle=True, random_state=0)
    for train, rest in splitter.split(problem.x, groups=groups):
        yield problem.only(train), problem.only(rest)


def fit_estimator(estimator: Any, problem: Problem) -> FittedTask:
    """Fits an estimator of scikit-learn to the targets of a problem."""
    if problem.is_constant:
        return fit_trivial(problem)
    return with_floor(estimator.fit(problem.x, problem.targets), problem)


def with_floor(estimator: Any, problem: Problem) -> FittedTask:
    """Returns a fitted estimator as a model of a problem.

    A level without a training row gets the probability of the trivial predictor.
    """
    if not problem.levels:
        scale = problem.y.mean() if problem.is_count else 1.0
        only = np.zeros(1, dtype=np.int64)
        return FittedTask(estimator, only, np.array([scale]), np.zeros(1), is_value=True)
    seen = np.unique(problem.y).astype(np.int64)
    floor = half_a_row(problem)
    shift = np.full(problem.levels, floor)
    shift[seen] = 0.0
    scale = np.full(problem.levels, 1 - floor * (problem.levels - len(seen)))
    return FittedTask(estimator, seen, scale, shift, is_value=False)


def fit_trivial(problem: Problem) -> FittedTask:
    """Returns the trivial predictor.

    If all counts are zero, the mean is half a case divided by the number of rows.
    """
    if problem.is_count:
        shift = np.array([max(problem.y.mean(), 0.5 / len(problem.y))])
    else:
        counts = np.bincount(problem.y, minlength=problem.levels)
        shift = (2 * counts + 1) * half_a_row(problem)
    columns = np.arange(problem.size)
    return FittedTask(None, columns, np.ones(problem.size), shift, is_value=not problem.levels)


def mean_loss(predictions: Floats, problem: Problem) -> float:
    """Returns the mean loss of predictions (n, k) for the rows of a problem."""
    if problem.is_count:
        return float(mean_poisson_deviance(problem.y, predictions[:, 0]))
    if not problem.levels:
        return float(np.square(predictions[:, 0] - problem.y).mean())
    return float(-predictions[np.arange(len(problem.y)), problem.y].mean())


def half_a_row(problem: Problem) -> float:
    """Returns the trivial predictor's probability of a level without a training row."""
    return 0.5 / (len(problem.y) + 0.5 * problem.levels)
