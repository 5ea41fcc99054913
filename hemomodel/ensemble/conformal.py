"""Sets of levels and intervals that hold what was prescribed as often as they say.

Split conformal prediction (Vovk, Gammerman & Shafer, 2005; Lei et al., JASA 2018) on rows that no
replicate in their prediction was trained on. A level belongs to the set if its probability is not
below a threshold (least ambiguous sets: Sadinle, Lei & Wasserman, JASA 2019); a value's interval is
the prediction give or take a quantile of the absolute errors.

The rows are scored by the replicates that left them out, and a new row is predicted by all: the
scores are those of cross-conformal prediction (Vovk, 2015; Barber et al., "CV+", 2021), pooled as
one sample. What split conformal guarantees for a single held-out part is there very nearly so, not
by theorem. Where the same rows also chose the configuration among many, as in a study, its errors
on them are optimistic, and sets and intervals somewhat too narrow. New patients of the built-in
cohort tell how much (`docs/recommending.md`).
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

_KEPT = 2_000  # scores of a task; below it, quantiles are exact
_ROUNDING = 1e-9  # (n + 1) * 0.9 is not always what it says


@dataclass(frozen=True, eq=False)
class ConformalScores:
    """How far a task's predictions were from the labels of rows not trained on.

    Attributes:
        count: n, how many rows had a label.
        errors: rising; all n of them, or 2,000 spread evenly over their ranks, the last among them.
    """

    count: int
    errors: NDArray[np.float64]

    def quantile(self, coverage: float) -> float:
        """Returns the ceil((n + 1) coverage)-th smallest score; infinity if there are fewer.

        Of thinned scores, the next one kept: never too small a set.

        Raises:
            InputError: the coverage is no share.
        """
        check_coverage(coverage)
        rank = ceil((self.count + 1) * coverage - _ROUNDING)
        if rank > self.count:
            return float("inf")
        return float(self.errors[np.searchsorted(_ranks(self.count), rank)])


def check_coverage(coverage: float) -> None:
    """Refuses what is no share.

    Raises:
        InputError: it is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise InputError(f"coverage is {coverage}; give a share between 0 and 1, such as 0.9")


def _ranks(count: int) -> NDArray[np.int64]:
    """Returns the ranks, from 1, of the scores that are kept of so many."""
    ranks = np.linspace(1, count, min(count, _KEPT))
    return np.ceil(ranks - _ROUNDING).astype(np.int64)


def kept_scores(count: int) -> int:
    """Returns how many scores are kept of so many."""
    return min(count, _KEPT)


def conformal_scores(
    tasks: Sequence[Task], predicted: Floats, labels: Floats, known: NDArray[np.bool_]
) -> tuple[ConformalScores, ...]:
    """Returns the scores of each task.

    Args:
        tasks: the T tasks.
        predicted: (n, K), tempered natural predictions for rows that were not trained on.
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
    """Returns which levels (n, L) are in the set of each row; it may be empty.

    Of a task whose levels have an order, all between two that are in the set are in it too.

    Args:
        task: of levels.
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

    What was learned as a logarithm comes back by the exponential: the prediction is then a median.
    No count is below zero.

    Args:
        task: of a value.
        predicted: (n,), natural.
        scores: of the task.
        coverage: the share of rows whose label is within.
    """
    margin = scores.quantile(coverage)
    bounds = (predicted, predicted - margin, predicted + margin)
    if task.transform == "log":
        with np.errstate(over="ignore"):
            return tuple(np.exp(part) for part in bounds)  # type: ignore[return-value]
    if task.kind == "count":
        return tuple(np.maximum(part, 0.0) for part in bounds)  # type: ignore[return-value]
    return bounds
