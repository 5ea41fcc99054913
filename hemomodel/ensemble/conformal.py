"""Conformal sets and intervals, which contain the prescribed level or value at a stated rate.

The method is split conformal prediction (Vovk, Gammerman & Shafer, 2005; Lei et al., JASA 2018).
Each row is predicted only by replicates that were not trained on it. A level belongs to the set if
its probability is not below a threshold (least ambiguous sets: Sadinle, Lei & Wasserman, JASA
2019). The interval of a value is the prediction plus or minus a quantile of the absolute errors.

A row is scored by the replicates that did not train on it, but a new row is predicted by all
replicates. So the scores are those of cross-conformal prediction (Vovk, 2015; Barber et al., "CV+",
2021), pooled as one sample. The guarantee of split conformal prediction for a single held-out part
holds here approximately, not by theorem. If the same rows also selected the configuration, as in a
study, its errors on them are optimistic, and sets and intervals are somewhat too narrow.
`docs/recommending.md` measures the effect with new patients of the built-in cohort.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from hemomodel.arrays import Floats
from hemomodel.errors import InputError
from hemomodel.schema.entries import Task
from hemomodel.schema.output_slices import task_slices

__all__ = ["ConformalScores", "conformal_scores", "interval", "level_sets"]

_KEPT = 2_000  # stored scores per task; with fewer scores, quantiles are exact
_ROUNDING = 1e-9  # (n + 1) * 0.9 has a rounding error


@dataclass(frozen=True, eq=False)
class ConformalScores:
    """The errors of a task's predictions on rows that were not used in training.

    Attributes:
        count: n, the number of rows with a label.
        errors: in ascending order; all n errors, or 2,000 at evenly spaced ranks including the
            last.
    """

    count: int
    errors: NDArray[np.float64]

    def quantile(self, coverage: float) -> float:
        """Returns the ceil((n + 1) coverage)-th smallest score; infinity if there are fewer.

        If this score is not stored, the next larger stored score is returned, so that a set is
        never too small.

        Raises:
            InputError: the coverage is not between 0 and 1.
        """
        check_coverage(coverage)
        rank = ceil((self.count + 1) * coverage - _ROUNDING)
        if rank > self.count:
            return float("inf")
        return float(self.errors[np.searchsorted(_ranks(self.count), rank)])


def check_coverage(coverage: float) -> None:
    """Checks that the coverage is between 0 and 1.

    Raises:
        InputError: the coverage is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise InputError(f"coverage is {coverage}; give a share between 0 and 1, such as 0.9")


def _ranks(count: int) -> NDArray[np.int64]:
    """Returns the ranks, from 1, of the stored scores, given the number of scores."""
    ranks = np.linspace(1, count, min(count, _KEPT))
    return np.ceil(ranks - _ROUNDING).astype(np.int64)


def kept_scores(count: int) -> int:
    """Returns the number of stored scores, given the number of scores."""
    return min(count, _KEPT)


def conformal_scores(
    tasks: Sequence[Task], predicted: Floats, labels: Floats, known: NDArray[np.bool_]
) -> tuple[ConformalScores, ...]:
    """Returns the scores of each task.

    Args:
        tasks: the T tasks.
        predicted: (n, K), tempered natural predictions for rows that were not used in training.
        labels: (n, K), one-hot levels and values.
        known: (n, T), whether a row has a label of a task.
    """
    by_task = []
    for place, (task, columns) in enumerate(zip(tasks, task_slices(tasks), strict=True)):
        rows = known[:, place]
        natural, true = predicted[rows, columns].astype(np.float64), labels[rows, columns]
        if task.is_value:
            errors = np.abs(natural - true)[:, 0]
        else:
            errors = 1 - (np.exp(natural) * true).sum(1)
        errors = np.sort(errors)
        by_task.append(ConformalScores(len(errors), errors[_ranks(len(errors)) - 1]))
    return tuple(by_task)


def level_sets(
    task: Task, probabilities: Floats, scores: ConformalScores, coverage: float
) -> NDArray[np.bool_]:
    """Returns which levels (n, L) are in the set of each row; a set may be empty.

    If the levels are ordered, all levels between two levels of the set are also in the set.

    Args:
        task: a task with levels.
        probabilities: (n, L).
        scores: of the task.
        coverage: the share of rows whose label is in the set.
    """
    inside = 1 - probabilities <= scores.quantile(coverage)
    if task.kind != "ordinal":
        return inside
    below = np.logical_or.accumulate(inside, axis=1)
    above = np.logical_or.accumulate(inside[:, ::-1], axis=1)[:, ::-1]
    filled: NDArray[np.bool_] = below & above
    return filled


def interval(
    task: Task, predicted: Floats, scores: ConformalScores, coverage: float
) -> tuple[Floats, Floats, Floats]:
    """Returns prediction, low and high (n,) of a value, in its own unit.

    If the task was learned as a logarithm, the exponential is returned; the prediction is then a
    median. For a count, no result is below zero.

    Args:
        task: a task with values.
        predicted: (n,), natural predictions.
        scores: of the task.
        coverage: the share of rows whose label is in the interval.
    """
    margin = scores.quantile(coverage)
    bounds = (predicted, predicted - margin, predicted + margin)
    if task.transform == "log":
        with np.errstate(over="ignore"):
            return tuple(np.exp(part) for part in bounds)  # type: ignore[return-value]
    if task.kind == "count":
        return tuple(np.maximum(part, 0.0) for part in bounds)  # type: ignore[return-value]
    return bounds
