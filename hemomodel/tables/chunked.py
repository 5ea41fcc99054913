"""Reads and writes tables in chunks of rows: memory does not grow with the file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hemomodel.schema.schema import Schema
from hemomodel.tables.file_limits import check_csv, check_parquet
from hemomodel.tables.readers import check_path, read_file, read_frame, readable
from hemomodel.tables.sheet import FIRST_ROW, Sheet, check_rows, plain_header, resolve_columns
from hemomodel.tables.text_files import csv_options

__all__ = ["read_chunks"]


def read_chunks(path: str | Path, schema: Schema, rows: int) -> Iterator[Sheet]:
    """Yields a table's declared columns, without its tasks, in sheets of a limited number of rows.

    A .csv and a .parquet file are read chunk by chunk; any other file is one sheet.

    Args:
        path: as for `read_file`.
        schema: the columns to look for.
        rows: the maximum number of rows per sheet.

    Raises:
        InputError: as for `read_file`.
    """
    path = check_path(path)
    chunks = _CHUNKS.get(path.suffix.lower())
    if chunks is None:
        yield read_file(path, schema, tasks=False)
        return
    first_row = FIRST_ROW
    with readable(path):
        for frame in chunks(path, schema, rows):
            sheet = read_frame(frame, schema, source=str(path), tasks=False)
            yield replace(sheet, first_row=first_row)
            first_row += len(frame)


def _csv(path: Path, schema: Schema, rows: int) -> Iterator[pd.DataFrame]:
    check_csv(path)
    options = csv_options(path)
    begin = pd.read_csv(path, nrows=2, **options)
    header = list(begin.iloc[0])
    check_rows(len(begin) - 1, str(path))
    positions = _positions(header, schema, str(path))
    # Not `usecols`: with it pandas cuts rows that have too many cells, and values shift unnoticed.
    with pd.read_csv(path, chunksize=rows, **options) as parts:
        for number, part in enumerate(parts):
            cells = part if number else part.iloc[1:]
            if len(cells):
                yield cells[positions].set_axis([header[place] for place in positions], axis=1)


def _parquet(path: Path, schema: Schema, rows: int) -> Iterator[pd.DataFrame]:
    check_parquet(path)
    file = pq.ParquetFile(path)
    header = file.schema_arrow.names
    check_rows(file.metadata.num_rows, str(path))
    names = [header[place] for place in _positions(header, schema, str(path))]
    for batch in file.iter_batches(rows, columns=names):
        table = pa.Table.from_batches([batch]).select(names)
        table.validate(full=True)  # pandas finds an incomplete character too late
        yield table.to_pandas(ignore_metadata=True)


def _positions(header: Sequence[object], schema: Schema, source: str) -> list[int]:
    """Returns the positions of the columns to read, in the order of the file."""
    labels = [plain_header(label) for label in header]
    columns = resolve_columns(labels, schema, source=source, tasks=False)
    return sorted(place for parts in columns.values() for place in parts)


_CHUNKS = {".csv": _csv, ".parquet": _parquet}
