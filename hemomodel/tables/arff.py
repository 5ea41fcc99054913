"""Weka's .arff files: a header that declares attributes, then rows as in a .csv file.

SciPy also reads them, but it drops surplus cells of a row, and it cannot read a name with a space
or in Chinese.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from hemomodel.errors import InputError
from hemomodel.tables.file_limits import check_cells, check_text
from hemomodel.tables.text_files import sniff_encoding

__all__ = ["read_arff"]

_ATTRIBUTE = re.compile(
    r"@attribute\s+(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^\s{]+))\s*(.+)", re.IGNORECASE
)
_KIND = re.compile(r"\{.*\}|(numeric|real|integer|string|date)\b.*", re.IGNORECASE)
_CELL = re.compile(
    r"""\s*(?:'((?:[^'\\]|\\.)*)'\s*|"((?:[^"\\]|\\.)*)"\s*|((?!['"])(?:[^,\\]|\\.)*))(,|$)"""
)
_MISSING = "?"


def read_arff(path: Path) -> tuple[Sequence[object], pd.DataFrame]:
    """Reads the names of the attributes, and the rows (N, columns) as texts, None for missing.

    Raises:
        InputError: it is not an .arff file, is too large, or has sparse rows or nested tables.
    """
    check_text(path)
    text = path.read_bytes().decode(sniff_encoding(path))
    lines = (line.strip() for line in text.splitlines())
    content = (line for line in lines if line and not line.startswith("%"))
    names = list(_names(path, content))
    rows = list(content)
    check_cells(path, len(rows), len(names))
    if not rows:
        return names, pd.DataFrame(columns=range(len(names)))
    if rows[0].startswith("{"):
        raise InputError(f"{path}: its rows are sparse, {{place value}}; save it as .csv")
    return names, _cells(path, rows, len(names))


def _names(path: Path, lines: Iterator[str]) -> Iterator[str]:
    """Yields the names of the attributes and stops after the line `@data`."""
    for line in lines:
        word = line.split(maxsplit=1)[0].lower()
        if word == "@data":
            return
        attribute = _ATTRIBUTE.fullmatch(line)
        if word == "@attribute" and attribute and _KIND.fullmatch(attribute[4]):
            name = attribute[1] or attribute[2] or attribute[3] or ""
            yield re.sub(r"\\(.)", r"\1", name)
        elif word != "@relation":
            raise InputError(f"{path}: {line[:60]!r} is not a readable attribute; save it as .csv")
    raise InputError(f"{path}: has no line @data, where the rows begin; save it again as .arff")


def _cells(path: Path, rows: Sequence[str], columns: int) -> pd.DataFrame:
    table = (_split(path, row, place) for place, row in enumerate(rows, 1))
    cells = [[None if cell.strip() == _MISSING else cell for cell in row] for row in table]
    wrong = next((place for place, row in enumerate(cells, 1) if len(row) != columns), None)
    if wrong is not None:
        raise InputError(
            f"{path}: its row {wrong} of data has {len(cells[wrong - 1])} cells, and {columns} "
            "attributes are declared; correct the row"
        )
    return pd.DataFrame(cells, dtype=object)


def _split(path: Path, row: str, place: int) -> list[str]:
    """Returns the cells of a row, each with single, double or no quotes."""
    if not any(mark in row for mark in "'\"\\"):
        return row.split(",")
    cells, end, more = [], 0, ","
    while more:
        cell = _CELL.match(row, end)
        if cell is None:
            raise InputError(
                f"{path}: its row {place} of data has a quote that does not end, or ends within a "
                "cell; correct the row"
            )
        single, double, plain, more = cell.groups()
        cells.append(re.sub(r"\\(.)", r"\1", single or double or plain or ""))
        end = cell.end()
    return cells
