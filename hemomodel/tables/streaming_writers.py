"""Writes a table to a file in chunks of rows: memory never holds the complete table."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from hemomodel.errors import InputError
from hemomodel.tables.cell_safety import escape_formula_texts, escape_formulas
from hemomodel.tables.output_files import XLSX_ROWS

__all__ = ["WRITERS", "Writer"]

_TEXT = pa.dictionary(pa.int32(), pa.string())


class Writer(Protocol):
    """Writes frames that have the same columns; the file is complete when the block ends."""

    def __enter__(self) -> Self:
        """Opens the file."""

    def write(self, frame: pd.DataFrame) -> None:
        """Writes rows."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Completes and closes the file."""


def _table(frame: pd.DataFrame) -> pa.Table:
    """Returns a table whose columns have the same types in every chunk."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table[place].cast(_TEXT))
    return table


def _plain(frame: pd.DataFrame) -> pa.Table:
    """Returns a table without dictionary columns, safe for a spreadsheet program."""
    table = _table(frame)
    for place, field in enumerate(table.schema):
        column = table[place]
        if pa.types.is_dictionary(field.type):
            column = column.cast(pa.string())
        table = table.set_column(place, field.name, escape_formulas(column))
    return table.rename_columns(escape_formula_texts(table.column_names))


class _Streamed:
    """A file; a subclass creates its Arrow writer at the first rows."""

    def __init__(self, path: Path, notes: Sequence[str], titles: Mapping[str, str]) -> None:
        self._path, self._notes, self._titles = path, notes, titles
        self._writer: pa_csv.CSVWriter | pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        self._file: IO[bytes] = self._path.open("wb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        self._file.close()


class _Csv(_Streamed):
    def write(self, frame: pd.DataFrame) -> None:
        table = _plain(frame)
        if self._writer is None:
            self._file.write(b"\xef\xbb\xbf")  # Excel needs the byte order mark for Chinese
            self._writer = pa_csv.CSVWriter(self._file, table.schema)
        self._writer.write_table(table)


class _Parquet(_Streamed):
    def write(self, frame: pd.DataFrame) -> None:
        table = _table(frame)
        if self._writer is None:
            notes = {"hemomodel": json.dumps(list(self._notes), ensure_ascii=False)}
            self._writer = pq.ParquetWriter(self._file, table.schema.with_metadata(notes))
        self._writer.write_table(table)


class _Json(_Streamed):
    def __enter__(self) -> Self:
        super().__enter__()
        head = json.dumps(list(self._notes), ensure_ascii=False)
        self._file.write(f'{{"notes": {head},\n"patients": ['.encode())
        self._between = b"\n"
        return self

    def write(self, frame: pd.DataFrame) -> None:
        text = frame.to_json(orient="records", lines=True, force_ascii=False)
        rows = text.rstrip("\n").replace("\n", ",\n")
        self._file.write(self._between + rows.encode())
        self._between = b",\n"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.write(b"\n]}\n")
        super().__exit__(kind, error, trace)


class _Xlsx:
    """A workbook: the recommendations, and a sheet with notes about them."""

    def __init__(self, path: Path, notes: Sequence[str], titles: Mapping[str, str]) -> None:
        self._path, self._notes, self._titles = path, notes, titles
        self._rows = 0

    def __enter__(self) -> Self:
        self._book = openpyxl.Workbook(write_only=True)  # row by row: memory does not grow
        self._sheet = self._book.create_sheet("Recommendations")
        return self

    def write(self, frame: pd.DataFrame) -> None:
        if not self._rows:
            titles = [self._titles.get(name, name) for name in frame.columns]
            self._sheet.append(escape_formula_texts(titles))
        self._rows += len(frame)
        if self._rows > XLSX_ROWS:
            raise InputError(
                f"a sheet has at most {XLSX_ROWS:,} rows, and the table has more; "
                "write .csv or .parquet"
            )
        for row in zip(*(column.to_pylist() for column in _plain(frame).columns), strict=True):
            self._sheet.append(row)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._sheet.close()  # no workbook is saved after an error
            return
        notes = self._book.create_sheet("About")
        for line in escape_formula_texts(self._notes):
            notes.append([line])
        self._book.save(self._path)


WRITERS: Mapping[str, Callable[[Path, Sequence[str], Mapping[str, str]], Writer]] = {
    "xlsx": _Xlsx,
    "csv": _Csv,
    "parquet": _Parquet,
    "json": _Json,
}
