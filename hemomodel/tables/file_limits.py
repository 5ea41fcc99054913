"""Checks before a table is read: is the file of the stated type, and does it fit into memory.

A few kilobytes can expand to terabytes: a zip archive inflates, a single cell in the far corner of
a sheet creates all rows before it, and a parquet file can encode "a billion times nothing".
"""

import csv
import re
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hemomodel.errors import InputError

__all__ = ["check_cells", "check_csv", "check_parquet", "check_text", "check_xlsx"]

_BYTES = 4_000_000_000  # of a file, and of the content of an archive
_CELLS = 300_000_000  # five million sessions of the hospital's workbook
_COLUMNS = 16_384  # of a sheet
_CHUNK = 2**20
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_PLACE = re.compile(rb'\br="([A-Z]{0,3})([0-9]{1,7})"')


def check_xlsx(path: Path) -> None:
    """Checks a workbook without opening it.

    Raises:
        InputError: it is not a workbook, it has a password, or it is too large.
    """
    with path.open("rb") as file:
        begin = file.read(4)
    if begin == _OLD_OFFICE:
        raise InputError(
            f"{path}: is an old .xls or has a password; save it as .xlsx without a password"
        )
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: is not a complete workbook; save it again as .xlsx")
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(member.flag_bits & 1 for member in members):
            raise InputError(f"{path}: has a password; save it without one")
        _check_bytes(path, sum(member.file_size for member in members))
        for member in members:
            if member.filename.endswith(".xml"):
                _check_sheet(path, archive, member)


def _check_sheet(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Finds the furthest cell: a reader creates all rows before it."""
    rows, letters, rest, size = 0, b"", b"", 0
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            _check_bytes(path, size)  # an archive can state a false size of its content
            text = rest + chunk
            if b"<!DOCTYPE" in text:
                raise InputError(f"{path}: contains declarations (DOCTYPE); save it again")
            for column, row in _PLACE.findall(text):
                rows = max(rows, int(row))
                letters = max(letters, column, key=lambda name: (len(name), name))
            rest = text[-16:]
    check_cells(path, rows, _column(letters))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def check_text(path: Path) -> tuple[bytes, bytes]:
    """Returns the first and the last bytes of a text file.

    Raises:
        InputError: it is not text, or it is too large.
    """
    size = path.stat().st_size
    _check_bytes(path, size)
    with path.open("rb") as file:
        begin = file.read(_CHUNK)
        file.seek(max(0, size - _CHUNK))
        end = file.read()
    if b"\0" in begin or b"\0" in end:
        raise InputError(f"{path}: contains zero bytes, as UTF-16 does; save it as UTF-8")
    return begin, end


def check_csv(path: Path) -> None:
    """Checks the start and the end of a .csv file.

    Raises:
        InputError: it is not text, it is too large, or it ends within a row.
    """
    begin, end = check_text(path)
    header = re.split(rb"[\r\n]", begin, maxsplit=1)[0]
    columns = _cells(header)
    if columns > _COLUMNS:
        raise InputError(
            f"{path}: its first row has {columns:,} cells, more than {_COLUMNS:,}; "
            "check the line breaks, or give a table with fewer columns"
        )
    if columns == 1 and (b";" in header or b"\t" in header):
        mark = "semicolons" if b";" in header else "tabs"
        raise InputError(f"{path}: its cells are separated by {mark}; save it with commas")
    last = re.split(rb"[\r\n]", end)[-1]
    # A quoted cell may have several lines; then the last line does not show if the row is complete.
    if 0 < _cells(last) < columns and b'"' not in last and last != header:
        raise InputError(
            f"{path}: ends in its last row, after {_cells(last)} of {columns} cells; "
            "copy it again, or complete the row"
        )


def _cells(line: bytes) -> int:
    if len(line) >= _CHUNK:
        return line.count(b",") + 1
    return len(next(csv.reader([line.decode("latin-1")]), []))


def check_parquet(path: Path) -> None:
    """Checks the footer of a parquet file, and its texts if there may be very many.

    Raises:
        InputError: it is too large, or would be too large in memory: a text of a megabyte takes
            only four bytes in each row after the first row that has it.
    """
    footer = pq.ParquetFile(path).metadata
    check_cells(path, footer.num_rows, footer.num_columns)
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    _check_bytes(path, sum(group.total_byte_size for group in groups))
    texts, most, fixed = [], 0, 0
    for place in range(footer.num_columns):
        column, chunks = footer.schema.column(place), [group.column(place) for group in groups]
        check_cells(path, sum(chunk.num_values for chunk in chunks), 1)  # a row may contain a list
        fixed += column.length * sum(chunk.num_values for chunk in chunks)
        if column.physical_type == "BYTE_ARRAY":
            texts.append(column.path)
            # No text is longer than its chunk.
            most += sum(chunk.num_values * chunk.total_uncompressed_size for chunk in chunks)
    _check_bytes(path, fixed)
    if most > _BYTES:
        _check_texts(path, texts)


def _check_texts(path: Path, names: list[str]) -> None:
    """Sums the bytes of all texts, with no text in memory twice."""
    file, size = pq.ParquetFile(path, read_dictionary=names), 0
    for batch in file.iter_batches(columns=names):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if not isinstance(column, pa.DictionaryArray):
                raise InputError(
                    f"{path}: column {name!r} contains lists or records of many texts; remove it"
                )
            each = pc.binary_length(column.dictionary).fill_null(0).to_numpy()
            size += int(each[column.indices.drop_null().to_numpy()].sum(dtype=np.int64))
            _check_bytes(path, size)


def _check_bytes(path: Path, size: int) -> None:
    if size > _BYTES:
        raise InputError(f"{path}: has {size:,} bytes, more than the limit of {_BYTES:,}; split it")


def check_cells(path: Path, rows: int, columns: int) -> None:
    """Checks the size of a table against the limit.

    Raises:
        InputError: it is too large.
    """
    if rows * columns > _CELLS or columns > _COLUMNS:
        raise InputError(
            f"{path}: has {rows:,} rows of {columns:,} columns, more than the limit of {_CELLS:,} "
            "cells; delete the cells outside the table, or split it"
        )
