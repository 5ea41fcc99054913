"""A table's declared columns, found by their headers; the cells are not parsed yet."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from hemomodel.errors import InputError, nearest_name
from hemomodel.schema.schema import Schema

__all__ = [
    "FIRST_ROW",
    "UNIT",
    "RawTable",
    "Sheet",
    "check_rows",
    "locate_columns",
    "plain_header",
    "resolve_columns",
]

FIRST_ROW = 2  # as a spreadsheet counts: the header is row 1
_SHOWN = 60  # characters of a bad value in an error message
_LISTED = 5  # columns named in an error message
UNIT = re.compile(r"\s*\([^()]*\)$")
_RENAMED = re.compile(r"(.+)\.\d+")  # pandas writes a second `K` as `K.1`


@dataclass(frozen=True, eq=False)
class Sheet:
    """The cells of a table, by the English names of its columns.

    Attributes:
        source: the name of the table in errors.
        size: N, the number of rows.
        columns: (N,) cells each, as in the file; an absent optional column has no entry.
        headers: the columns as written.
        first_row: the number of its first row in the file.
    """

    source: str
    size: int
    columns: Mapping[str, pd.Series]
    headers: Mapping[str, str]
    first_row: int = FIRST_ROW

    def column_text(self, name: str) -> pd.Series:
        """Returns the (N,) cells of a column, all missing if the table lacks it."""
        if name in self.columns:
            return self.columns[name]
        return pd.Series(np.nan, index=range(self.size))

    def quoted_cell(self, name: str, row: int) -> str:
        """Returns the cell of a column in a row (from 0), short enough for a message."""
        text = str(self.column_text(name).iloc[row])
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


RawTable: TypeAlias = tuple[Sequence[object], pd.DataFrame]


def check_rows(count: int, source: str) -> None:
    """Refuses a table without rows.

    Raises:
        InputError: it has no rows.
    """
    if not count:
        raise InputError(f"{source}: the table has no rows below its header; add some")


def resolve_columns(
    labels: Sequence[str], schema: Schema, *, source: str, tasks: bool
) -> dict[str, list[int]]:
    """Returns the positions of the declared columns among the headers of a table.

    Args:
        labels: the headers, in order.
        schema: the columns to look for.
        source: of the table, for messages.
        tasks: whether the task columns are required.

    Returns:
        The positions of a column by its English name: several if it is spread over 0/1 columns. An
        optional column that the table lacks has no entry.

    Raises:
        InputError: a column is missing, or appears twice.
    """
    places = _column_positions(labels, schema, source)
    needed = [c for c in schema.columns if not c.optional and (tasks or c.role != "task")]
    missing = [
        code or c.written for c in needed for code in c.headers if (c.english, code) not in places
    ]
    if missing:
        nearest = nearest_name(missing[0], labels)
        hint = "" if nearest is None else f"; the nearest header is {nearest!r}"
        listed = ", ".join(repr(name) for name in missing[:_LISTED])
        listed += f" and {len(missing) - _LISTED} more" if missing[_LISTED:] else ""
        plural = "columns" if missing[1:] else "column"
        raise InputError(f"{source}: missing {plural} {listed}{hint}; rename or add it")
    return {
        column.english: [places[column.english, code] for code in column.headers]
        for column in schema.columns
        if all((column.english, code) in places for code in column.headers)
    }


def locate_columns(
    labels: Sequence[str], cells: pd.DataFrame, schema: Schema, *, source: str, tasks: bool
) -> Sheet:
    """Returns the declared columns of a table; see `resolve_columns`.

    Args:
        labels: the headers, in order.
        cells: (N, columns), as in the file.
        schema: the columns to look for.
        source: of the table, for messages.
        tasks: whether the task columns are required.

    Raises:
        InputError: a column is missing, or appears twice.
    """
    positions = resolve_columns(labels, schema, source=source, tasks=tasks)
    return Sheet(
        source=source,
        size=len(cells),
        columns={
            name: _join_one_hot(cells.iloc[:, parts], source) for name, parts in positions.items()
        },
        headers={
            name: ", ".join(labels[part] for part in parts) for name, parts in positions.items()
        },
    )


def _join_one_hot(parts: pd.DataFrame, source: str) -> pd.Series:
    """Returns a column; if it has several 0/1 columns, the text of all its cells."""
    if parts.shape[1] == 1:
        return parts.iloc[:, 0]
    rows = parts.itertuples(index=False, name=None)
    try:
        return pd.Series([", ".join(map(str, row)) for row in rows], dtype=object)
    except ValueError as error:  # a number with thousands of digits
        raise InputError(
            f"{source}: a cell cannot be shown as text ({error}); correct it"
        ) from error


def plain_header(label: object) -> str:
    """Returns a header with full-width forms, line breaks and a byte order mark normalised."""
    text = unicodedata.normalize("NFKC", "" if label is None else str(label))
    return " ".join(text.replace("\ufeff", "").split())


def _column_positions(
    labels: Sequence[str], schema: Schema, source: str
) -> dict[tuple[str, str], int]:
    """Returns the position of each column, by English name and code (see `Column.headers`)."""
    names = {
        plain_header(name): (column.english, code)
        for column in schema.columns
        for code, written in column.headers.items()
        for name in written
    }
    places: dict[tuple[str, str], int] = {}
    for place, label in enumerate(labels):
        name = names.get(label) or names.get(UNIT.sub("", label))
        renamed = _RENAMED.fullmatch(label)
        if name is None and renamed and renamed[1] in labels:
            name = names.get(renamed[1]) or names.get(UNIT.sub("", renamed[1]))
        if name in places:
            raise InputError(
                f"{source}: columns {places[name] + 1} and {place + 1} are both named "
                f"{labels[places[name]]!r} ({label!r}); keep one of them"
            )
        if name is not None:
            places[name] = place
    return places
