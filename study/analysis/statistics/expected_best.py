"""The expected best score of a search after n trials."""

import numpy as np

from hemomodel.arrays import Float64s

__all__ = ["expected_best"]


def expected_best(scores: Float64s, level: float) -> tuple[Float64s, Float64s, Float64s]:
    """Returns the expected best score after 1, 2, ... N trials, with its central interval.

    The best of n trials drawn from the N with replacement is at most the i-th lowest score with
    probability (i / N)^n (Dodge et al., EMNLP 2019). A failed trial counts as the lowest score, or
    as 0 (the trivial predictor) if all scores are above 0.

    Args:
        scores: (N,), of the trials; NaN where one failed.
        level: of the interval.

    Returns:
        mean, low and high, (N,) each.
    """
    known = scores[~np.isnan(scores)]
    ordered = np.sort(np.nan_to_num(scores, nan=min(known.min(initial=0.0), 0.0)))
    count = len(ordered)
    at_most = (np.arange(1, count + 1) / count) ** np.arange(1, count + 1)[:, None]  # (n, i)
    mean = np.diff(at_most, axis=1, prepend=0) @ ordered
    low, high = (
        ordered[(at_most < tail - 1e-12).sum(1)] for tail in ((1 - level) / 2, (1 + level) / 2)
    )
    return mean, low, high
