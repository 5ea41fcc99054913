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


def simultaneous(estimates: Floats, draws: Floats, luck: float, level: float) -> list[Interval]:
    """Returns intervals estimate -+ q * s that hold all at once.

    q is exceeded by the largest standardised deviation of a draw in 1 - level of the draws (the
    sup-t band: Montiel Olea & Plagborg-Moller, Journal of Applied Econometrics 34, 2019), so it
    asks for no more than the comparisons' correlation does; s^2 is the variance of the draws and
    the luck beside it.

    Args:
        estimates: (m,), one a comparison.
        draws: (D, m), over rows and seeds.
        luck: variance that is not in the draws.
        level: of all intervals together.
    """
    spread = draws.std(0)
    deviation = np.abs(draws - draws.mean(0))
    largest = np.divide(deviation, spread, out=np.zeros_like(draws), where=spread > 0).max(1)
    half = np.quantile(largest, level) * np.sqrt(spread**2 + luck)
    ends = zip(estimates, estimates - half, estimates + half, strict=True)
    return [Interval(*map(float, three)) for three in ends]
