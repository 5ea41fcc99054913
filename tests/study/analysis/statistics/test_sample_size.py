"""The required sample sizes, against the half-width that they give."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from study.analysis.statistics.sample_size import Components, required_sample

VARIANCES = st.builds(Components, *[st.floats(1e-8, 1e-2)] * 3)
STUDY = {"rows": 46, "seeds": 8, "outer_folds": 1, "difference": 0.02, "power": 0.8}


def test_a_study_that_is_large_enough_needs_nothing():
    assert required_sample(Components(1e-8, 1e-8, 0.0), 2.0, **STUDY) is None


def test_only_rows_can_mend_a_lack_of_rows():
    found = required_sample(Components(1e-3, 1e-6, 0.0), 2.0, **STUDY)
    assert (found.rows > 46, found.seeds) == (True, None)


def test_only_searches_can_mend_luck_in_the_search():
    found = required_sample(Components(1e-6, 1e-6, 1e-3), 2.0, **STUDY)
    assert (found.rows, found.seeds) == (None, None)
    assert found.outer_folds > 1


@given(VARIANCES, st.floats(1.5, 4))
def test_with_what_is_needed_the_difference_is_seen_with_the_power(variance, critical):
    found = required_sample(variance, critical, **STUDY)
    assume(found is not None)
    reach = critical + stats.norm.ppf(0.8)
    if found.rows is not None:
        assume(found.rows < 1e6)  # above this, rounding hides one row
        own = variance.total - variance.rows + variance.rows * 46 / found.rows
        assert reach * own**0.5 <= 0.02 * (1 + 1e-9)
        fewer = variance.total - variance.rows + variance.rows * 46 / (found.rows - 1)
        assert reach * fewer**0.5 >= 0.02 * (1 - 1e-9)
    assert reach * (variance.total / found.outer_folds) ** 0.5 <= 0.02 * (1 + 1e-9)


def test_power_of_one_half_asks_for_the_half_width_alone():
    variance = Components(4e-4, 0.0, 0.0)
    found = required_sample(variance, 2.0, **{**STUDY, "power": 0.5})
    assert found.rows == pytest.approx(46 * 4e-4 / 1e-4, abs=1)
