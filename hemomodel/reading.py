"""Files to cells: a table's declared columns, located by their headers and not yet parsed."""

import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from hemomodel.arff import read_arff
from hemomodel.errors import InputError
from hemomodel.guards import check_csv, check_parquet, check_xlsx
from hemomodel.schema import Schema

__all__ = [
    "FIRST_ROW",
    "Sheet",
    "check_path",
    "read_cells",
    "read_file",
    "read_frame",
    "readable",
]

FIRST_ROW = 2  # as a person counts in a sheet: the header is row 1
_SHOWN = 60  # characters of a bad value that an error shows
_LISTED = 5  # columns that an error names
UNIT = re.compile(r"\s*\([^()]*\)$")
_RENAMED = re.compile(r"(.+)\.\d+")  # pandas writes a second `K` as `K.1`


@dataclass(frozen=True, eq=False)
class Sheet:
    """The cells of a table, by the English names of its columns.

    Attributes:
        source: what errors call the table.
        size: N, the number of rows.
        columns: (N,) cells each, as the file gave them; an absent optional column has no entry.
        headers: the columns as written.
        first_row: where its first row stands, as a person counts in the file.
    """

    source: str
    size: int
    columns: Mapping[str, pd.Series]
    headers: Mapping[str, str]
    first_row: int = FIRST_ROW

    def cells(self, name: str) -> pd.Series:
        """Returns the (N,) cells of a column, all missing where the table lacks it."""
        if name in self.columns:
            return self.columns[name]
        return pd.Series(np.nan, index=range(self.size))

    def shown(self, name: str, row: int) -> str:
        """Returns the cell of a column in a row (from 0), short enough for a message."""
        text = str(self.cells(name).iloc[row])
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

    def refuse(self, name: str, bad: np.ndarray, problem: str) -> None:
        """Raises InputError if any row is bad, naming the first.

        Args:
            name: the column.
            bad: (N,) bool.
            problem: what is wrong, to follow the value in a sentence.
        """
        if not bad.any():
            return
        row = int(bad.argmax())
        others = int(bad.sum()) - 1
        more = f" ({others} more rows of this column like it)" if others else ""
        raise InputError(
            f"{self.source}: column {self.headers[name]!r}, row {row + self.first_row}: "
            f"{self.shown(name, row)!r} {problem}{more}"
        )


def read_file(path: str | Path, schema: Schema, *, tasks: bool = True) -> Sheet:
    """Reads the declared columns of an .xlsx (its first sheet), .csv, .parquet or .arff file.

    Args:
        path: the file.
        schema: the columns to look for.
        tasks: whether the task columns must be there.

    Raises:
        InputError: it is no such file, or its columns do not fit the schema.
    """
    labels, cells = read_cells(path)
    return _sheet(labels, cells, schema, source=str(path), tasks=tasks)


def read_cells(path: str | Path) -> tuple[list[str], pd.DataFrame]:
    """Reads the headers of a table, made plain, and its cells (N, columns) as the file gives them.

    Raises:
        InputError: it is no table that can be read, or has no row.
    """
    path = check_path(path)
    with readable(path):
        header, cells = _READERS[path.suffix.lower()](path)
    _check_rows(cells, str(path))
    return [_plain(label) for label in header], cells


def check_path(path: str | Path) -> Path:
    """Returns the path of a table if it is one by its name and size.

    Raises:
        InputError: there is no such file, or of no kind that is read.
    """
    path = Path(path)
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a name that is too long
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give the path of a table"
        ) from None
    if is_folder:
        raise InputError(f"{path}: is a folder; give the path of a table")
    if path.suffix.lower() not in _READERS:
        raise InputError(
            f"{path}: {path.suffix or 'no suffix'} is not .xlsx, .csv, .parquet or .arff; "
            "save it as one"
        )
    if not path.is_file():
        raise InputError(f"{path}: does not exist; give the path of a table")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; give one with a header and rows")
    return path


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Says in one sentence that a file cannot be read, whatever its parser trips over.

    Raises:
        InputError: the block raised anything.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions
            yield
    except InputError:
        raise
    except Exception as error:  # a broken file raises whatever its parser trips over
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        kind = path.suffix.lower()
        raise InputError(
            f"{path}: cannot be read as a {kind} table ({what}); save it anew"
        ) from error


def read_frame(frame: pd.DataFrame, schema: Schema, *, source: str, tasks: bool = True) -> Sheet:
    """Locates the declared columns of a DataFrame; see `read_file`."""
    _check_rows(frame, source)
    labels = [_plain(label) for label in frame.columns]
    return _sheet(labels, frame, schema, source=source, tasks=tasks)


_Raw = tuple[Sequence[object], pd.DataFrame]


def _read_xlsx(path: Path) -> _Raw:
    check_xlsx(path)
    frame = pd.read_excel(path, header=None, dtype=object, keep_default_na=False, engine="openpyxl")
    return list(frame.iloc[0]), frame.iloc[1:]


def _read_csv(path: Path) -> _Raw:
    check_csv(path)

    def read(encoding: str) -> pd.DataFrame:
        return pd.read_csv(
            path,
            header=None,  # keeps two columns of one name apart
            dtype="str",
            keep_default_na=False,
            skip_blank_lines=False,  # keeps the count of the rows
            encoding=encoding,
        )

    try:
        frame = read("utf-8-sig")
    except UnicodeDecodeError:
        frame = read("cp950")  # what Excel writes on a Taiwanese Windows
    return list(frame.iloc[0]), frame.iloc[1:]


def _read_parquet(path: Path) -> _Raw:
    check_parquet(path)
    table = pq.ParquetFile(path).read()
    table.validate(full=True)  # pandas finds half a character only where it looks at it
    header = table.column_names
    return header, table.rename_columns([str(i) for i in range(len(header))]).to_pandas(
        ignore_metadata=True  # an index of the writer stays an ordinary column
    )


_READERS: dict[str, Callable[[Path], _Raw]] = {
    ".xlsx": _read_xlsx,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".arff": read_arff,
}


def _check_rows(cells: pd.DataFrame, source: str) -> None:
    if not len(cells):
        raise InputError(f"{source}: the table has no rows below its header; add some")


def _sheet(
    labels: Sequence[str], cells: pd.DataFrame, schema: Schema, *, source: str, tasks: bool
) -> Sheet:
    places = _places(labels, schema, source)
    needed = [c for c in schema.columns if not c.optional and (tasks or c.role != "task")]
    missing = [
        code or c.written for c in needed for code in c.headers if (c.english, code) not in places
    ]
    if missing:
        near = get_close_matches(missing[0], labels, n=1)
        hint = f"; the nearest header is {near[0]!r}" if near else ""
        listed = ", ".join(repr(name) for name in missing[:_LISTED])
        listed += f" and {len(missing) - _LISTED} more" if missing[_LISTED:] else ""
        plural = "columns" if missing[1:] else "column"
        raise InputError(f"{source}: missing {plural} {listed}{hint}; rename or add it")
    found: dict[str, list[int]] = {}
    for column in schema.columns:
        parts = [
            places[column.english, code]
            for code in column.headers
            if (column.english, code) in places
        ]
        if len(parts) == len(column.headers):  # an optional column is there as a whole or not
            found[column.english] = parts
    return Sheet(
        source=source,
        size=len(cells),
        columns={name: _joined(cells.iloc[:, parts], source) for name, parts in found.items()},
        headers={name: ", ".join(labels[part] for part in parts) for name, parts in found.items()},
    )


def _joined(parts: pd.DataFrame, source: str) -> pd.Series:
    """Returns a column, or of one that stands in several the text of all its cells."""
    if parts.shape[1] == 1:
        return parts.iloc[:, 0]
    rows = parts.itertuples(index=False, name=None)
    try:
        return pd.Series([", ".join(map(str, row)) for row in rows], dtype=object)
    except ValueError as error:  # a number of thousands of digits
        raise InputError(f"{source}: a cell cannot be shown as text ({error}); mend it") from error


def _plain(label: object) -> str:
    """Returns a header with full-width forms, line breaks and a byte order mark made plain."""
    text = unicodedata.normalize("NFKC", "" if label is None else str(label))
    return " ".join(text.replace("\ufeff", "").split())


def _places(labels: Sequence[str], schema: Schema, source: str) -> dict[tuple[str, str], int]:
    """Returns where each column stands, by English name and code (see `Column.headers`)."""
    names = {
        _plain(name): (column.english, code)
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
                f"{source}: columns {places[name] + 1} and {place + 1} are both called "
                f"{labels[places[name]]!r} ({label!r}); keep one of them"
            )
        if name is not None:
            places[name] = place
    return places
