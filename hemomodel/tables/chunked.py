"""Tables of any length, some rows at a time: memory does not grow with the file."""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hemomodel.schema.schema import Schema
from hemomodel.tables.file_limits import check_csv, check_parquet
from hemomodel.tables.readers import check_path, read_file, read_frame, readable
from hemomodel.tables.sheet import FIRST_ROW, Sheet

__all__ = ["read_chunks"]

_BYTES = 2**22


def read_chunks(path: str | Path, schema: Schema, rows: int) -> Iterator[Sheet]:
    """Yields a table's declared columns, without its tasks, in sheets of some rows.

    A .csv and a .parquet are read as they are asked for; any other kind is one sheet.

    Args:
        path: as for `read_file`.
        schema: the columns to look for.
        rows: of a sheet at most.

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
    options: dict[str, Any] = {
        "header": None,  # keeps two columns of one name apart
        "dtype": "str",
        "keep_default_na": False,
        "skip_blank_lines": False,  # keeps the count of the rows
        "encoding": _encoding(path),
    }
    begin = pd.read_csv(path, nrows=2, **options)
    header = list(begin.iloc[0])
    places = _places(header, schema, str(path), has_rows=len(begin) > 1)
    # Not `usecols`: with it pandas cuts rows of too many cells, and their values shift unseen.
    with pd.read_csv(path, chunksize=rows, **options) as parts:
        for number, part in enumerate(parts):
            found = part if number else part.iloc[1:]
            if len(found):
                yield found[places].set_axis([header[place] for place in places], axis=1)


def _encoding(path: Path) -> str:
    """Returns UTF-8, or what Excel writes on a Taiwanese Windows if it is not that."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp950"
    return "utf-8-sig"


def _parquet(path: Path, schema: Schema, rows: int) -> Iterator[pd.DataFrame]:
    check_parquet(path)
    file = pq.ParquetFile(path)
    header = file.schema_arrow.names
    places = _places(header, schema, str(path), has_rows=file.metadata.num_rows > 0)
    names = [header[place] for place in places]
    for batch in file.iter_batches(rows, columns=names):
        table = pa.Table.from_batches([batch]).select(names)
        table.validate(full=True)  # pandas finds half a character only where it looks at it
        yield table.to_pandas(ignore_metadata=True)


def _places(header: Sequence[object], schema: Schema, source: str, *, has_rows: bool) -> list[int]:
    """Returns where the declared columns stand, by asking the reader of a row of places.

    Raises:
        InputError: a column is missing or stands twice, or there is no row.
    """
    places = pd.DataFrame([range(len(header))] if has_rows else [], columns=list(header))
    sheet = read_frame(places, schema, source=source, tasks=False)
    found = (str(cells.iloc[0]).split(", ") for cells in sheet.columns.values())
    return sorted(int(place) for own in found for place in own)  # a column may stand in several


_CHUNKS = {".csv": _csv, ".parquet": _parquet}
