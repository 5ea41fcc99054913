"""Intervals from bootstrap draws: single and simultaneous."""

from dataclasses import dataclass

import numpy as np

from hemomodel.arrays import Float64s

__all__ = ["Interval", "percentiles", "simultaneous", "sup_t"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval."""

    estimate: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero is outside the interval."""
        return self.low > 0 or self.high < 0


def percentiles(estimate: float, draws: Float64s, level: float) -> Interval:
    """Returns the central interval that contains the share `level` of the draws (D,)."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(estimate), float(low), float(high))


def sup_t(draws: Float64s, level: float) -> float:
    """Returns the `level` quantile, over draws, of the largest standardised deviation of a draw.

    This is the critical value of the sup-t band (Montiel Olea & Plagborg-Moller, Journal of Applied
    Econometrics 34, 2019).

    Args:
        draws: (D, m), of m figures together; a figure without variance is ignored.
        level: share of the draws.
    """
    spread, deviation = draws.std(0), np.abs(draws - draws.mean(0))
    largest = np.divide(deviation, spread, out=np.zeros_like(draws), where=spread > 0).max(1)
    return float(np.quantile(largest, level))


def simultaneous(estimates: Float64s, draws: Float64s, luck: float, level: float) -> list[Interval]:
    """Returns simultaneous intervals, estimate -+ q * s.

    q is `sup_t`; it takes account of the correlation of the comparisons. s^2 is the variance of the
    draws plus `luck`.

    Args:
        estimates: (m,), one per comparison.
        draws: (D, m), over rows and seeds.
        luck: the variance of the search, which is not in the draws.
        level: of all intervals together.
    """
    half = sup_t(draws, level) * np.sqrt(draws.var(0) + luck)
    ends = zip(estimates, estimates - half, estimates + half, strict=True)
    return [Interval(*map(float, three)) for three in ends]
