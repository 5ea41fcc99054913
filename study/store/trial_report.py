"""What a trial reports after some epochs."""

from dataclasses import dataclass
from typing import TypeAlias, TypedDict

from hemomodel.arrays import Float64s

__all__ = ["ReportArrays", "TrialReport"]

Curve: TypeAlias = Float64s


@dataclass(frozen=True, repr=False)
class ReportArrays:
    """The bulk of a report. It has no long repr, for Ray formats every result it handles.

    Attributes:
        curves: each field of History but the cosines since the last report, mean and standard
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
    """What a trial tells the driver, beside Ray's own keys.

    score: best mean skill so far. best_epoch: when. epoch: epochs run. seconds: of training.
    failure: why the trial cannot go on, or "". first_epoch: of the figures.
    steps: optimizer steps taken. residual: the largest of the balancer's solver, NaN without one.
    unsolved: steps of a replicate whose solver did not converge, over all replicates.
    smallest_cosine: between two tasks, in the mean over replicates since the last report.
    passed: the trial has gone further already; only its curves are news, to a new driver.
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
