"""Tests of paired differences, and the correction for making many of them."""

import numpy as np
from scipy import stats

from hemomodel.arrays import Float64s

__all__ = ["corrected_resampled_t_test", "holm", "probability_of_improvement"]


def corrected_resampled_t_test(differences: Float64s, test_share: float) -> float:
    """Returns the two-sided p-value of a zero mean, for replicates that share training rows.

    Replicates are not independent, because their training rows overlap. The variance of the mean is
    therefore (1 / J + n_test / n_train) s^2 and not s^2 / J (Nadeau & Bengio, Machine Learning 52,
    2003; for repeated cross-validation, Bouckaert & Frank, PAKDD 2004).

    Args:
        differences: (J,), one per replicate.
        test_share: n_test / n_train.
    """
    count = len(differences)
    mean, variance = differences.mean(), differences.var(ddof=1)
    if variance == 0:
        return float(mean == 0)
    statistic = mean / np.sqrt((1 / count + test_share) * variance)
    return float(2 * stats.t.sf(abs(statistic), count - 1))


def holm(p_values: Float64s) -> Float64s:
    """Returns p-values adjusted for their number by Holm's step-down method (Holm, 1979).

    Args:
        p_values: (m,), one per comparison.
    """
    order = np.argsort(p_values, kind="stable")
    factor = len(p_values) - np.arange(len(p_values))
    stepped = np.minimum(np.maximum.accumulate(factor * p_values[order]), 1)
    adjusted = np.empty_like(stepped)
    adjusted[order] = stepped
    return adjusted


def probability_of_improvement(skill: Float64s, other: Float64s) -> float:
    """Returns how often an arm is better than another arm on the same replicate and task.

    A tie counts half (Agarwal et al., NeurIPS 2021; here with paired runs and not all pairs).

    Args:
        skill: (J, T), of the arm.
        other: (J, T), of the other arm on the same replicates.
    """
    return float(((skill > other) + 0.5 * (skill == other)).mean())
