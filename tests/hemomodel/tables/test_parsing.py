"""A parser returns values and bad cells; it raises no error about a cell."""

import numpy as np
import pandas as pd
import pytest

from hemomodel.schema.columns import Column
from hemomodel.tables.parsing import parse_column


def column(kind, **entries):
    return Column(name="C", english="c", title="C", kind=kind, role="feature", **entries)


@pytest.mark.parametrize(
    ("declared", "cells", "values", "bad"),
    [
        (column("number"), ["1", "", " 2.5 ", "fast"], [1, np.nan, 2.5], [3]),
        (column("number"), [1.0, np.nan, np.inf], [1, np.nan], [2]),
        (column("number", codes={"1": "a", "2": "b"}), ["2", "", "3"], [2, np.nan], [2]),
        (column("flag"), ["yes", "NA", "0", "maybe"], [1, np.nan, 0], [3]),
        (column("category", codes={"1": "a"}), ["01", "1.0", None, "2"], ["1", "1", np.nan], [3]),
        (column("date"), ["2020-02-29", "", "2021-02-29"], ["2020-02-29", "NaT"], [2]),
        (
            column("code_list", codes={"a": "A", "m": "M"}, flags="f", separator="+"),
            ["m+a", "", "m", "q"],
            [[1, 1], [np.nan, np.nan], [0, 1]],
            [3],
        ),
    ],
)
def test_good_cells_have_values_and_bad_ones_a_problem(declared, cells, values, bad):
    parsed = parse_column(pd.Series(cells), declared)
    assert np.flatnonzero(parsed.bad).tolist() == bad
    assert parsed.problem
    read, none_bad, problem = parse_column(pd.Series(cells[: bad[0]]), declared)
    assert not none_bad.any()
    assert problem == ""
    expected = np.array(values, dtype=read.dtype)
    np.testing.assert_array_equal(pd.isna(read), pd.isna(expected))
    present = ~pd.isna(expected)
    assert read[present].tolist() == expected[present].tolist()


def test_cells_that_are_no_text_are_a_problem_of_the_column():
    parsed = parse_column(pd.Series(["a", "\ud800"], dtype=object), column("text"))
    assert parsed.problem.startswith("contains a cell that cannot be shown as text")
    assert not parsed.bad.any()
    assert np.isnan(parsed.values).all()
