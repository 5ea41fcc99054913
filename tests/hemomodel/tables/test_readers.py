import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from hemomodel.cohort.cohort import build_cohort, load_cohort
from hemomodel.errors import InputError
from tests.support.refusals import assert_names

SUFFIXES = [".xlsx", ".csv", ".parquet"]


def save(table: pd.DataFrame, path, **options):
    if path.suffix == ".xlsx":
        table.to_excel(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, **options)
    return path


@pytest.fixture
def load(schema):
    return lambda table: build_cohort(table, schema, source="t")


def test_every_kind_of_file_gives_the_same_cohort(workbook, tmp_path):
    paths = [save(workbook(20), tmp_path / f"table{suffix}") for suffix in SUFFIXES]
    first, *others = [load_cohort(path) for path in paths]
    for other in others:
        pd.testing.assert_frame_equal(other.table, first.table)
        np.testing.assert_array_equal(other.labels, first.labels)
        assert other.digest == first.digest
        assert other.findings == first.findings == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp950"])
def test_a_csv_may_be_written_by_any_office(workbook, tmp_path, encoding):
    table = workbook(4).rename(columns={"透析器表面積 (m^2)": "透析器表面積"})
    path = save(table, tmp_path / "table.csv", encoding=encoding)
    assert len(load_cohort(path)) == 4


def test_headers_may_have_their_unit_or_not(workbook, load):
    table = workbook(5)
    bare = table.rename(columns=lambda name: re.sub(r" ?\((?!Gotch).*\)", "", name))
    other = table.rename(columns=lambda name: name.replace("(", "（").replace(")", "）\n"))
    assert {"K", "透析前體重", "Kt/V", "Kt/V (Gotch)"} <= set(bare.columns)
    assert load(bare).digest == load(other).digest == load(table).digest


def test_two_columns_of_one_name_in_a_workbook_are_refused(workbook, tmp_path):
    table = workbook(5)
    table.insert(3, "K (meq/l)", 4.0, allow_duplicates=True)
    path = save(table, tmp_path / "table.xlsx")
    with pytest.raises(InputError) as refused:
        load_cohort(path)
    assert_names(str(refused.value), (path.name, "4", "'K (meq/l)'"))


def test_a_twin_that_pandas_renamed_is_refused(workbook, load):
    with pytest.raises(InputError) as refused:
        load(workbook(5).assign(**{"URR.1": 0.7}))
    assert_names(str(refused.value), ("'URR'", "'URR.1'"))


def spoiled_bytes(draw, whole: bytes) -> bytes:
    """Replaces up to four stretches of bytes by others."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, max(len(content) - 1, 0)))
        end = start + draw(st.sampled_from([0, 1, 9, 999]))
        content[start:end] = draw(st.binary(max_size=5))
    return bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_load_or_are_refused(
    workbook, tmp_path_factory, loads_or_is_refused, suffix, data
):
    folder = tmp_path_factory.getbasetemp()
    whole, path = folder / f"whole{suffix}", folder / f"spoiled{suffix}"
    if not whole.exists():  # once: a workbook contains its creation time
        save(workbook(3), whole)
    path.write_bytes(spoiled_bytes(data.draw, whole.read_bytes()))
    loads_or_is_refused(lambda: load_cohort(path))


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.data())
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_any_cells_in_any_file_load_or_are_refused(
    workbook, tmp_path_factory, loads_or_is_refused, suffix, data
):
    """Up to four cells become empty, numbers, texts or booleans, in a real file."""
    table = workbook(3).astype(object)
    texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
    cells = st.one_of(st.none(), st.integers(-(2**40), 2**40), st.floats(), texts, st.booleans())
    for _ in range(data.draw(st.integers(0, 4))):
        row, column = (data.draw(st.integers(0, size - 1)) for size in table.shape)
        table.iloc[row, column] = data.draw(cells)
    if suffix == ".parquet":  # a column has one type
        table = table.astype("str") if data.draw(st.booleans()) else table.infer_objects()
    path = tmp_path_factory.getbasetemp() / f"cells{suffix}"
    try:
        save(table, path)
    except (pa.ArrowException, ValueError):
        reject()  # not every table can be written
    loads_or_is_refused(lambda: load_cohort(path))
