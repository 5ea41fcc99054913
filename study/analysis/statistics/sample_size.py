"""How large a study would have to be to see a difference of a given size."""

from dataclasses import dataclass
from math import ceil

from scipy import stats

__all__ = ["Components", "RequiredSample", "required_sample"]


@dataclass(frozen=True)
class Components:
    """Variances of a difference that come from each level of the bootstrap."""

    rows: float
    seeds: float
    search: float

    @property
    def total(self) -> float:
        """Of all levels together; they are drawn independently of each other."""
        return self.rows + self.seeds + self.search


@dataclass(frozen=True)
class RequiredSample:
    """What would show a difference; each figure alone, with the others as they are.

    Attributes:
        difference: that is to be seen.
        rows: held-out rows, or groups of them where those are drawn; None if they alone cannot do
            it.
        seeds: fresh seeds; None if seeds alone cannot do it.
        outer_folds: searches on outer folds of their own, each with its rows and seeds.
    """

    difference: float
    rows: int | None
    seeds: int | None
    outer_folds: int


def required_sample(  # noqa: PLR0913 - each a word of its own
    variance: Components,
    critical: float,
    *,
    rows: int,
    seeds: int,
    outer_folds: int,
    difference: float,
    power: float,
) -> RequiredSample | None:
    """Returns what is missing to see a difference, or None if the study is large enough.

    A true difference d is seen with the given power when the interval's half-width and the normal
    quantile of the power fit into it: (critical + z) * s <= d. The variance of each level falls
    with the number of its units (rows, seeds, searches).

    Args:
        variance: of the difference, by level.
        critical: half-width of the interval over the standard deviation.
        rows: held-out rows of the study, or groups of them.
        seeds: its fresh seeds.
        outer_folds: its outer folds.
        difference: d.
        power: chance to see it.
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
