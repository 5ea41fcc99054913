"""Mean ranks of the arms and their critical difference, for the critical-difference diagram."""

from itertools import combinations

import numpy as np
from scipy import stats

from hemomodel.arrays import Float64s
from study.analysis.statistics.interval import sup_t

__all__ = ["critical_difference", "friedman", "groups", "nemenyi"]

_FEWEST = 3  # the fewest arms for Friedman's test


def friedman(blocks: Float64s) -> float | None:
    """Returns the p-value of Friedman's test that all arms rank the same; None below three arms.

    The test assumes independent blocks. Replicates on the same rows are not independent.

    Args:
        blocks: (B, A), a score for each arm in each block.
    """
    if blocks.shape[1] < _FEWEST:
        return None
    if (blocks == blocks[:, :1]).all():
        return 1.0
    return float(stats.friedmanchisquare(*blocks.T).pvalue)


def nemenyi(arms: int, blocks: int, level: float) -> float:
    """Returns Nemenyi's critical difference of two mean ranks (Demsar, JMLR 7, 2006, eq. 6).

    Like Friedman's test it assumes independent blocks.
    """
    studentized = float(stats.studentized_range.ppf(level, arms, np.inf))
    return studentized * float(np.sqrt(arms * (arms + 1) / (12 * blocks)))


def critical_difference(ranks: Float64s, rank_draws: Float64s, level: float) -> float:
    """Returns the critical difference of two mean ranks by the bootstrap.

    Nemenyi's difference assumes independent blocks, but the blocks share rows, seeds and searches.
    Here these are drawn together. The critical difference is q * s / b. s is the standard deviation
    of a difference of two mean ranks, over all pairs; q is their `sup_t`. A draw adds its noise to
    the noise of the study, so that its ranks are closer together: b is the remaining share of the
    distances between arms within tasks.

    Args:
        ranks: (A, T), of the study.
        rank_draws: (D, A, T), of each draw.
        level: 1 - the chance of a false difference.
    """
    farthest = float(len(ranks) - 1)
    centred = ranks - ranks.mean(0)
    left = (centred * rank_draws.mean(0)).sum()
    if left <= 0:
        return farthest  # no two arms are significantly different
    mean = rank_draws.mean(2)
    gaps = np.stack([mean[:, i] - mean[:, j] for i, j in combinations(range(len(ranks)), 2)], 1)
    critical = sup_t(gaps, level) * np.sqrt(gaps.var(0).mean())
    return min(float(critical * (centred**2).sum() / left), farthest)


def groups(mean_ranks: Float64s, difference: float) -> list[tuple[int, ...]]:
    """Returns the largest groups of arms, best first, within one critical difference.

    Args:
        mean_ranks: (A,).
        difference: the critical difference; the mean ranks of a group span at most this.
    """
    order = np.argsort(mean_ranks, kind="stable")
    runs: list[tuple[int, ...]] = []
    for start, first in enumerate(order):
        limit = mean_ranks[first] + difference
        run = tuple(int(arm) for arm in order[start:] if mean_ranks[arm] <= limit)
        if not runs or run[-1] not in runs[-1]:
            runs.append(run)
    return runs
