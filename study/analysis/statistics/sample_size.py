"""The size of a study that is needed to detect a difference of a given size."""

from dataclasses import dataclass
from math import ceil

from scipy import stats

__all__ = ["Components", "RequiredSample", "required_sample"]


@dataclass(frozen=True)
class Components:
    """The variance of a difference from each level of the bootstrap."""

    rows: float
    seeds: float
    search: float

    @property
    def total(self) -> float:
        """The variance of all levels together; they are drawn independently of each other."""
        return self.rows + self.seeds + self.search


@dataclass(frozen=True)
class RequiredSample:
    """The size that is needed to detect a difference.

    Each number is enough by itself, if the other numbers stay as they are.

    Attributes:
        difference: the difference to detect.
        rows: held-out rows, or groups of rows if groups are drawn; None if more rows by themselves
            are not enough.
        seeds: fresh seeds; None if more seeds by themselves are not enough.
        outer_folds: outer folds, each with its own search, rows and seeds.
    """

    difference: float
    rows: int | None
    seeds: int | None
    outer_folds: int


def required_sample(  # noqa: PLR0913 - each is a separate quantity of the formula
    variance: Components,
    critical: float,
    *,
    rows: int,
    seeds: int,
    outer_folds: int,
    difference: float,
    power: float,
) -> RequiredSample | None:
    """Returns the size that is needed to detect a difference, or None if the study is large enough.

    A true difference d is detected with the given power if (critical + z) * s <= d. Here s is the
    standard deviation of the difference and z the normal quantile of the power. The variance of
    each level is inversely proportional to the number of its units (rows, seeds, searches).

    Args:
        variance: of the difference, by level.
        critical: half-width of the interval over the standard deviation.
        rows: held-out rows of the study, or groups of them.
        seeds: its fresh seeds.
        outer_folds: its outer folds.
        difference: d.
        power: the probability to detect it.
    """
    allowed = (difference / (critical + float(stats.norm.ppf(power)))) ** 2
    if variance.total <= allowed:
        return None

    def alone(part: float, count: int) -> int | None:
        left = allowed - (variance.total - part)
        return ceil(count * part / left) if left > 0 else None

    return RequiredSample(
        difference,
        alone(variance.rows, rows),
        alone(variance.seeds, seeds),
        ceil(outer_folds * variance.total / allowed),
    )
