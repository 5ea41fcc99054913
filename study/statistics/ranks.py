"""Mean ranks of the arms, and which of them differ: the critical-difference diagram."""

from itertools import combinations

import numpy as np
from scipy import stats

from study.evidence import Floats

__all__ = ["critical_difference", "friedman", "groups", "nemenyi"]

_FEWEST = 3  # arms that Friedman's test is for


def friedman(blocks: Floats) -> float | None:
    """Returns the p-value of Friedman's test that all arms rank the same; None below three arms.

    It takes blocks for independent of each other, which replicates on the same rows are not.

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

    Like Friedman's test it takes blocks for independent.
    """
    studentized = float(stats.studentized_range.ppf(level, arms, np.inf))
    return studentized * float(np.sqrt(arms * (arms + 1) / (12 * blocks)))


def critical_difference(rank_draws: Floats, level: float) -> float:
    """Returns the critical difference of two mean ranks that the bootstrap gives.

    In `level` of the draws no difference of two arms strays further from its mean. What Nemenyi's
    takes for independent blocks shares rows, seeds and searches here, and is drawn together.

    Args:
        rank_draws: (D, A), mean ranks of each draw.
        level: 1 - the chance of a false difference.
    """
    pairs = combinations(range(rank_draws.shape[1]), 2)
    gaps = np.stack([rank_draws[:, i] - rank_draws[:, j] for i, j in pairs], axis=1)
    return float(np.quantile(np.abs(gaps - gaps.mean(0)).max(1), level))


def groups(mean_ranks: Floats, difference: float) -> list[tuple[int, ...]]:
    """Returns the largest runs of arms, best first, whose mean ranks span no more than this.

    Args:
        mean_ranks: (A,).
        difference: the critical one.
    """
    order = np.argsort(mean_ranks, kind="stable")
    found: list[tuple[int, ...]] = []
    for start, first in enumerate(order):
        limit = mean_ranks[first] + difference
        run = tuple(int(arm) for arm in order[start:] if mean_ranks[arm] <= limit)
        if not found or run[-1] not in found[-1]:
            found.append(run)
    return found
