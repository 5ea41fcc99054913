"""Written files give the same cohort in every format; they are complete or absent."""

from contextlib import suppress

import pandas as pd
import pytest

from hemomodel.cohort.cohort import load_cohort
from hemomodel.cohort.synthetic.cohort import synthetic_cohort, synthetic_workbook
from hemomodel.errors import InputError
from hemomodel.tables.output_files import atomic_write, check_output_path, write_table

SUFFIXES = [".xlsx", ".csv", ".parquet"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read_back(tmp_path, suffix):
    table, _ = synthetic_workbook(465, seed=6)
    path = tmp_path / f"HD{suffix}"
    write_table(table, path)
    expected = synthetic_cohort(465, seed=6)
    found = load_cohort(path)
    assert found.digest == expected.digest
    assert str(found.attrition) == str(expected.attrition)
    counts = [[(f.column, f.count, f.row) for f in c.findings] for c in (found, expected)]
    assert counts[0] == counts[1]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_is_replaced_only_on_demand(tmp_path, suffix):
    path = tmp_path / f"HD{suffix}"
    write_table(pd.DataFrame({"a": [1.0]}), path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        write_table(pd.DataFrame({"b": [2.0]}), path)
    assert path.read_bytes() == before
    write_table(pd.DataFrame({"b": [2.0]}), path, overwrite=True)
    assert path.read_bytes() != before


def test_a_failure_leaves_nothing_behind(tmp_path):
    path = tmp_path / "HD.parquet"
    mixed = pd.DataFrame({"a": [1, "x", object()]})
    with pytest.raises(Exception, match="object"):
        write_table(mixed, path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("HD.xls", 1, "suffix .xls is not"),
        ("HD", 1, "no suffix is not"),
        ("HD.xlsx", 1_048_576, "at most 1,048,575 rows"),
        ("none/HD.csv", 1, "folder .*none does not exist"),
        ("folder.csv", 1, "is a folder"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, rows, message):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=message):
        check_output_path(tmp_path / name, kind="table", rows=rows)


def test_the_longest_sheet_is_accepted(tmp_path):
    path = tmp_path / "HD.XLSX"
    assert check_output_path(path, kind="table", rows=1_048_575) == path


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_whole_or_stays(tmp_path, durable):
    path = tmp_path / "file"
    for text in ("first", "second"):
        with atomic_write(path, durable=durable) as part:
            part.write_text(text)
            assert not path.exists() or path.read_text() != text
        assert path.read_text() == text
    with suppress(KeyboardInterrupt), atomic_write(path, durable=durable) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_appears_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    with atomic_write(tmp_path / "file"):
        pass
    modes = [(tmp_path / name).stat().st_mode for name in ("usual", "file")]
    assert modes[0] == modes[1]


def test_a_file_system_that_refuses_is_heard_before_the_work(tmp_path):
    with pytest.raises(OSError, match="No such file"), atomic_write(tmp_path / "none" / "file"):
        pytest.fail("the block must not run")


@pytest.mark.parametrize(
    ("name", "message"),
    [("a.csv", "a schema is a .yaml file"), ("a.yaml", "exists already; give another name, or")],
)
def test_a_schema_has_its_own_messages(tmp_path, name, message):
    (tmp_path / "a.yaml").touch()
    with pytest.raises(InputError, match=message):
        check_output_path(tmp_path / name, kind="schema")
