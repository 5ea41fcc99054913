"""Intervals from bootstrap draws: one at a time, and several that hold at once."""

from dataclasses import dataclass

import numpy as np

from study.evidence import Floats

__all__ = ["Interval", "percentiles", "simultaneous"]


@dataclass(frozen=True)
class Interval:
    """An estimate with the interval around it."""

    estimate: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0 or self.high < 0


def percentiles(estimate: float, draws: Floats, level: float) -> Interval:
    """Returns the central part of the draws (D,) that holds `level` of them."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(estimate), float(low), float(high))


def simultaneous(estimates: Floats, draws: Floats, level: float) -> list[Interval]:
    """Returns intervals that hold all at once, each between the same percentiles of its draws.

    The percentiles are the widest needed for `level` of the draws to lie within all intervals:
    the quantile-based sup-t band of Montiel Olea & Plagborg-Moller (Journal of Applied
    Econometrics 34, 2019). Unlike Bonferroni's, it asks no more than the comparisons' correlation.

    Args:
        estimates: (m,), one a comparison.
        draws: (D, m).
        level: of all intervals together.
    """
    ranks = (draws.argsort(0).argsort(0) + 0.5) / len(draws)
    tail = np.quantile(np.minimum(ranks, 1 - ranks).min(1), 1 - level)
    lows, highs = np.quantile(draws, [tail, 1 - tail], axis=0)
    return [Interval(*map(float, three)) for three in zip(estimates, lows, highs, strict=True)]
