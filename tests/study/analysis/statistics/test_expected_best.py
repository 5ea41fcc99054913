"""The expected best score, against enumeration and known properties."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from study.analysis.statistics.expected_best import expected_best

SCORES = arrays(float, st.integers(1, 20), elements=st.floats(-1, 1))


def test_it_is_the_mean_over_all_ways_to_draw():
    scores = np.array([0.1, 0.5, 0.3, -0.2])
    mean, low, high = expected_best(scores, 0.5)
    for n in range(1, 5):
        best = np.sort([max(drawn) for drawn in product(scores, repeat=n)])
        assert mean[n - 1] == pytest.approx(best.mean())
        assert low[n - 1] == best[int(np.ceil(0.25 * len(best))) - 1]
        assert high[n - 1] == best[int(np.ceil(0.75 * len(best))) - 1]


@given(SCORES)
def test_it_grows_with_the_trials_from_their_mean_towards_their_best(scores):
    mean, low, high = expected_best(scores, 0.9)
    assert mean[0] == pytest.approx(scores.mean())
    assert (np.diff(mean) >= -1e-12).all()
    assert (mean <= scores.max() + 1e-12).all()
    assert (low <= high).all()
    assert high[-1] == scores.max()


@given(st.floats(0.1, 1), st.integers(2, 60))
def test_one_good_trial_among_many_is_found_with_its_probability(best, count):
    """With one good trial among N, N draws miss it with probability (1 - 1/N)^N."""
    scores = np.append(np.zeros(count - 1), best)
    mean, *_ = expected_best(scores, 0.9)
    assert mean[-1] == pytest.approx(best * (1 - (1 - 1 / count) ** count))


@given(SCORES, st.data())
def test_a_failed_trial_is_no_help(scores, data):
    failed = scores.copy()
    failed[data.draw(st.integers(0, len(scores) - 1))] = np.nan
    whole, *_ = expected_best(scores, 0.9)
    mean, *_ = expected_best(failed, 0.9)
    known = failed[~np.isnan(failed)]
    if len(known):
        worst = min(known.min(), 0)
        assert np.isfinite(mean).all()
        assert mean[0] == pytest.approx((known.sum() + worst) / len(scores))
    else:
        assert (mean == 0).all()
    assert len(whole) == len(mean)
