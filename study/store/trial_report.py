"""The report that a trial sends to the driver after some epochs."""

from dataclasses import dataclass
from typing import TypeAlias, TypedDict

from hemomodel.arrays import Float64s

__all__ = ["ReportArrays", "TrialReport"]

Curve: TypeAlias = Float64s


@dataclass(frozen=True, repr=False)
class ReportArrays:
    """The arrays of a report. They have no long repr, because Ray formats every result.

    Attributes:
        curves: each field of History since the last report, except the cosines: mean and standard
            deviation over replicates, (E, T) each.
        cosines: (T, T), between the tasks' gradients, mean over replicates and these epochs.
        epoch_scores: (E,), mean skill after each of these epochs.
        scores: each metric at the best epoch so far, (R, T).
    """

    curves: dict[str, tuple[Curve, Curve]]
    cosines: Curve
    epoch_scores: Curve
    scores: dict[str, Curve]


class TrialReport(TypedDict):
    """The content of a report, in addition to Ray's own keys.

    score: best mean skill so far. best_epoch: its epoch. epoch: epochs run so far.
    seconds: time of training. failure: why the trial cannot continue, or "".
    first_epoch: the first epoch of `figures`. steps: optimizer steps so far.
    residual: the largest residual of the balancer's solver; NaN without a solver.
    unsolved: number of steps where the solver did not reach its tolerance, summed over replicates.
    smallest_cosine: the smallest cosine between the gradients of two tasks, mean over replicates
    and over the epochs since the last report.
    passed: the trial has already trained beyond this epoch, and repeats the report because the
    driver may be new.
    """

    score: float
    best_epoch: int
    epoch: int
    seconds: float
    failure: str
    first_epoch: int
    steps: int
    residual: float
    unsolved: int
    smallest_cosine: float
    passed: bool
    figures: ReportArrays
