"""Ranks and critical differences, against a published example, scipy and known properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from study.analysis.statistics.ranks import critical_difference, friedman, groups, nemenyi


def test_nemenyi_is_that_of_the_published_example():
    """Demsar, 2006, 3.2.2: four classifiers on 14 data sets, at 0.05 and 0.10."""
    assert nemenyi(4, 14, 0.95) == pytest.approx(1.25, abs=0.005)
    assert nemenyi(4, 14, 0.90) == pytest.approx(1.12, abs=0.005)


def test_friedman_is_scipys_and_stays_silent_for_two_arms():
    blocks = np.random.default_rng(0).normal(size=(20, 3))
    assert friedman(blocks) == pytest.approx(stats.friedmanchisquare(*blocks.T).pvalue)
    assert friedman(blocks[:, :2]) is None
    assert friedman(np.ones((5, 3))) == 1


def test_the_bootstraps_critical_difference_holds_all_pairs_in_its_share_of_draws():
    ranks = np.array([[1.0], [2], [3], [4]])
    draws = ranks + np.random.default_rng(1).normal(0, 0.2, (8000, 4, 1))
    found = critical_difference(ranks, draws, 0.95)
    # The largest difference of four normals with standard deviation 0.2 is a studentised range.
    assert found == pytest.approx(0.2 * stats.studentized_range.ppf(0.95, 4, np.inf), rel=0.03)


def test_ranks_that_lie_closer_in_the_draws_are_stretched_back():
    ranks = np.array([[1.0, 2], [2, 3], [3, 1]])
    noise = np.random.default_rng(2).normal(0, 0.2, (2000, 3, 2))
    noise -= noise.mean(0)
    whole = critical_difference(ranks, ranks + noise, 0.95)
    half = critical_difference(ranks, 2 + (ranks - 2) / 2 + noise, 0.95)
    assert half == pytest.approx(2 * whole)


def test_arms_that_always_tie_are_not_told_apart():
    ranks = np.full((3, 2), 2.0)
    assert critical_difference(ranks, np.full((10, 3, 2), 2.0), 0.95) == 2


def test_groups_are_the_bars_of_the_diagram():
    ranks = np.array([3.0, 1.0, 1.6, 2.4])
    assert groups(ranks, 0.9) == [(1, 2), (2, 3), (3, 0)]
    assert groups(ranks, 5) == [(1, 2, 3, 0)]
    assert groups(ranks, 0.1) == [(1,), (2,), (3,), (0,)]


@given(arrays(float, st.integers(1, 8), elements=st.floats(1, 8)), st.floats(0, 8))
def test_every_arm_has_a_group_and_no_group_lies_within_another(ranks, difference):
    found = groups(ranks, difference)
    assert {arm for run in found for arm in run} == set(range(len(ranks)))
    for run in found:
        assert ranks[run[-1]] - ranks[run[0]] <= difference + 1e-9
        assert not any(set(run) < set(other) for other in found)
