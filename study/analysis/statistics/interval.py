"""Intervals from bootstrap draws: one at a time, and several that hold at once."""

from dataclasses import dataclass

import numpy as np

from hemomodel.arrays import Float64s

__all__ = ["Interval", "percentiles", "simultaneous", "sup_t"]


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


def percentiles(estimate: float, draws: Float64s, level: float) -> Interval:
    """Returns the central part of the draws (D,) that holds `level` of them."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(estimate), float(low), float(high))


def sup_t(draws: Float64s, level: float) -> float:
    """Returns what the largest standardised deviation of a draw exceeds in 1 - level of the draws.

    (The sup-t band: Montiel Olea & Plagborg-Moller, Journal of Applied Econometrics 34, 2019.)

    Args:
        draws: (D, m), of m figures at once; one that never varies takes no part.
        level: share of the draws.
    """
    spread, deviation = draws.std(0), np.abs(draws - draws.mean(0))
    largest = np.divide(deviation, spread, out=np.zeros_like(draws), where=spread > 0).max(1)
    return float(np.quantile(largest, level))


def simultaneous(estimates: Float64s, draws: Float64s, luck: float, level: float) -> list[Interval]:
    """Returns intervals estimate -+ q * s that hold all at once.

    q is `sup_t`, so it asks for no more than the comparisons' correlation does; s^2 is the variance
    of the draws and the luck beside it.

    Args:
        estimates: (m,), one a comparison.
        draws: (D, m), over rows and seeds.
        luck: variance that is not in the draws.
        level: of all intervals together.
    """
    half = sup_t(draws, level) * np.sqrt(draws.var(0) + luck)
    ends = zip(estimates, estimates - half, estimates + half, strict=True)
    return [Interval(*map(float, three)) for three in ends]
