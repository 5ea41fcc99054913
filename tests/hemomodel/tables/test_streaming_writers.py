"""Written files open in a spreadsheet, run no formula, and mean the same in every format."""

import json

import numpy as np
import openpyxl
import pandas as pd
import pytest

from hemomodel import InputError
from hemomodel.ensemble.conformal import ConformalScores
from hemomodel.recommender.recommendations import headings, recommendations
from hemomodel.schema.schema import load_schema
from hemomodel.tables.streaming_writers import WRITERS

CONTROL = [chr(code) for code in (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF)]
KINDS = pytest.mark.parametrize("kind", WRITERS)


def written(path, frame, notes=("a note",), titles=None):
    with WRITERS[path.suffix[1:]](path, notes, titles or {}) as writer:
        writer.write(frame)
    return path


def read(path):
    if path.suffix == ".xlsx":
        return pd.read_excel(path, sheet_name="Recommendations")
    if path.suffix == ".json":
        return pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["patients"])
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def test_a_workbook_says_where_a_control_character_was(tmp_path):
    ids = [f"A{letter}1" for letter in CONTROL]
    frame = pd.DataFrame({"ID": ids, "Set": pd.Categorical(ids)})
    out = written(tmp_path / "o.xlsx", frame, notes=["\x02note"], titles={"Set": "Set\x1f"})
    book = openpyxl.load_workbook(out)
    assert [[cell.value for cell in row] for row in book["Recommendations"].iter_rows()] == [
        ["ID", "Set\ufffd"],
        *([["A\ufffd1", "A\ufffd1"]] * len(CONTROL)),
    ]
    assert book["About"]["A1"].value == "\ufffdnote"


@pytest.mark.parametrize("risky", ["=1+1", "+1+1", "-x", "@SUM(A1)", "\t=1", "\x01=1"])
def test_no_header_is_a_formula(tmp_path, risky):
    frame = pd.DataFrame({risky: [1.5]})
    safe = f"'{risky}".replace("\x01", "\ufffd")
    first = openpyxl.load_workbook(written(tmp_path / "o.xlsx", frame)).worksheets[0]["A1"]
    assert (first.value, first.data_type) == (safe, "s")
    other = written(tmp_path / "p.xlsx", frame, titles={risky: f"{risky} 流速"})
    first = openpyxl.load_workbook(other).worksheets[0]["A1"]
    assert (first.value, first.data_type) == (f"{safe} 流速", "s")
    assert read(written(tmp_path / "o.csv", frame)).columns.tolist() == [safe]
    for kind in ("parquet", "json"):  # not opened by spreadsheets
        assert read(written(tmp_path / f"o.{kind}", frame)).columns.tolist() == [risky]


@KINDS
def test_a_value_without_bounds_is_empty_in_every_format(tmp_path, kind):
    schema = load_schema()
    task = next(task for task in schema.tasks if task.is_value)
    name = next(name for name in headings(schema) if name.english == task.title)
    few = ConformalScores(3, np.arange(3.0))
    said = recommendations([task], [name], [], np.array([[250.12], [310.0]]), [few], 0.9)
    found = read(written(tmp_path / f"o.{kind}", pd.DataFrame(said)))
    flow, low, high = (found[name.column(part)] for part in ("", "low", "high"))
    assert flow.tolist() == [250.1, 310.0]
    assert low.isna().all()
    assert high.isna().all()


def test_a_workbook_is_not_saved_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("hemomodel.tables.streaming_writers.XLSX_ROWS", 0)
    with pytest.raises(InputError, match="a sheet has at most 0 rows"):
        written(tmp_path / "o.xlsx", pd.DataFrame({"ID": ["a"]}))
    assert not (tmp_path / "o.xlsx").exists()
