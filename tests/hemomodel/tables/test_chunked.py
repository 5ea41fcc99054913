"""Reading a table in parts gives the same cells, or the same error, as reading it at once."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hemomodel.errors import InputError
from hemomodel.tables.chunked import read_chunks
from hemomodel.tables.readers import read_file
from tests.support.fields import schema


def outcome(read):
    """Returns the cells that were read, by column, or the error message."""
    try:
        sheets = list(read())
    except InputError as error:
        return str(error)
    return {
        name: pd.concat([one.column_text(name) for one in sheets]).astype(str).tolist()
        for name in sheets[0].columns
    }


CELLS = st.lists(st.sampled_from(["1", "2.5", "", "x", '"4,5"', "6\u00e9"]), min_size=1, max_size=5)
DECLARED = schema("""
name: small
title: Small
columns:
  - {name: a, kind: number, role: feature}
  - {name: c, kind: number, role: feature}
  - {name: out, kind: number, role: task, task: {kind: regression}}
""")


@given(rows=st.lists(CELLS, max_size=8), size=st.integers(1, 4))
@example(rows=[["1", "2", "3"], ["1", "2", "3", "9"], ["1", "2", "3"]], size=1)
@example(rows=[["1", "2", "3"], ["1"], ["9", "1", "2", "3"]], size=3)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_csv_in_parts_is_the_csv_at_once_or_refused_alike(tmp_path, rows, size):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,b,c", *map(",".join, rows)]) + "\n", encoding="utf-8")
    assert outcome(lambda: read_chunks(path, DECLARED, size)) == outcome(
        lambda: [read_file(path, DECLARED, tasks=False)]
    )


@pytest.mark.parametrize("size", [1, 3, 4, 20])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_of_every_part_have_the_numbers_of_the_file(tmp_path, suffix, size):
    numbers = pd.DataFrame({"a": range(2, 12), "b": 0.0, "c": 0.0})
    path = tmp_path / f"t.{suffix}"
    numbers.to_csv(path, index=False) if suffix == "csv" else numbers.to_parquet(path)
    for sheet in read_chunks(path, DECLARED, size):
        rows = [str(sheet.first_row + row) for row in range(sheet.size)]
        assert sheet.column_text("a").astype(str).tolist() == rows


@pytest.mark.parametrize("place", [0, 5, 9])
def test_a_row_of_too_many_cells_is_refused_wherever_it_stands(tmp_path, place):
    rows = ["1,2,3"] * 10
    rows[place] = "0,1,2,3"
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c", *rows]))
    with pytest.raises(InputError, match=f"Expected 3 fields in line {place + 2}, saw 4"):
        list(read_chunks(tmp_path / "t.csv", DECLARED, 2))
