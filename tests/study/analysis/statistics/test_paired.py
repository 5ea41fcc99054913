"""The tests of paired differences, against scipy, results from R and known properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from study.analysis.statistics.paired import (
    corrected_resampled_t_test,
    holm,
    probability_of_improvement,
)

P_VALUES = arrays(float, st.integers(1, 12), elements=st.floats(0, 1))


def test_without_shared_rows_it_is_the_plain_t_test():
    values = np.random.default_rng(0).normal(0.3, 1, 15)
    assert corrected_resampled_t_test(values, 0) == pytest.approx(
        stats.ttest_1samp(values, 0).pvalue
    )


def test_shared_rows_widen_it_as_published():
    """Ten-fold cross-validation, ten times: the statistic shrinks by sqrt(1 + 100 / 9)."""
    values = np.random.default_rng(1).normal(0.5, 1, 100)
    plain = stats.ttest_1samp(values, 0).statistic
    expected = 2 * stats.t.sf(abs(plain) / np.sqrt(1 + 100 / 9), 99)
    assert corrected_resampled_t_test(values, 1 / 9) == pytest.approx(expected)


def test_equal_differences_leave_no_doubt():
    assert corrected_resampled_t_test(np.zeros(5), 0.2) == 1
    assert corrected_resampled_t_test(np.full(5, 0.5), 0.2) == 0


def test_holm_is_what_r_says():
    """p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


@given(P_VALUES)
def test_holm_keeps_the_order_and_lies_between_plain_and_bonferroni(p_values):
    adjusted = holm(p_values)
    assert (adjusted >= p_values).all()
    assert (adjusted <= np.minimum(len(p_values) * p_values, 1) + 1e-12).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()


@given(P_VALUES, st.randoms())
def test_holm_does_not_depend_on_the_order_of_comparisons(p_values, random):
    order = list(range(len(p_values)))
    random.shuffle(order)
    np.testing.assert_allclose(holm(p_values[order]), holm(p_values)[order])


def test_improvement_counts_pairs_and_half_of_ties():
    assert probability_of_improvement(np.array([[1.0, 2, 3, 3]]), np.array([[0, 3, 3, 2]])) == 0.625


@given(arrays(float, (2, 5, 3), elements=st.floats(-1, 1)))
def test_the_improvements_of_two_arms_sum_to_one(skills):
    first, second = skills
    forth, back = (probability_of_improvement(*pair) for pair in ((first, second), (second, first)))
    assert forth + back == pytest.approx(1)
