"""Significant digits of values and of their intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemomodel.ensemble.conformal import ConformalScores
from hemomodel.recommender.recommendations import headings, recommendations
from hemomodel.recommender.significant_digits import round_to_interval
from hemomodel.schema.schema import load_schema

SCHEMA = load_schema()
FLOW = [task.name for task in SCHEMA.tasks].index("blood_flow")


def advised(value, errors):
    """Returns the written value and bounds of a flow with these errors."""
    task, name = SCHEMA.tasks[FLOW], headings(SCHEMA)[FLOW]
    scores = ConformalScores(len(errors), np.sort(np.array(errors, dtype=float)))
    found = recommendations([task], [name], [], np.array([[value]]), [scores], 0.5)
    return [float(found[name.column(part)][0]) for part in ("", "low", "high")]


@pytest.mark.parametrize(
    ("value", "error", "written"),
    [
        (101325.2178, 4.5, [101325.22, 101320.71, 101329.72]),
        (3.14159e-14, 2e-15, [3.142e-14, 2.941e-14, 3.342e-14]),
        (251.2345, 33.333, [251.2, 217.9, 284.6]),
        (1234567.0, 99999.0, [1235000.0, 1134000.0, 1335000.0]),
    ],
)
def test_the_width_says_how_many_digits_mean_something(value, error, written):
    assert advised(value, [error] * 3) == written


def test_a_value_whose_interval_is_endless_has_four_digits_and_no_bounds():
    np.testing.assert_equal(advised(251.2345, []), [251.2, np.nan, np.nan])


@given(value=st.floats(-1e12, 1e12), reach=st.floats(0, 1e12))
def test_an_interval_holds_what_it_held_and_is_hardly_wider(value, reach):
    exact = [np.array([part]) for part in (value, value - reach, value + reach)]
    said, low, high = round_to_interval(*exact)
    noise = 4 * np.spacing(abs(value) + reach)  # floating-point error
    assert low <= exact[1] + noise
    assert high >= exact[2] - noise
    assert low - noise <= said <= high + noise
    assert high - low <= 1.021 * (exact[2] - exact[1]) + noise
