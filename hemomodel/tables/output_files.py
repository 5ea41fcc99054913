"""Writes a DataFrame to a file that `load_cohort` can read."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pandas as pd

from hemomodel.errors import InputError

__all__ = [
    "XLSX_ROWS",
    "atomic_write",
    "check_output_path",
    "writable",
    "write_new",
    "write_table",
]

XLSX_ROWS = 1_048_575  # a sheet has 2**20 rows; one is the header
_REPLACE = "use --force to replace it, or give another name"
_DELETE = "give another name, or delete it"  # a schema that a person may have edited


def check_output_path(
    path: str | Path,
    *,
    kind: Literal["any", "table", "schema"] = "any",
    rows: int = 0,
    overwrite: bool = False,
) -> Path:
    """Returns the path if a file can be written there; call this before the work.

    Args:
        path: of the file.
        kind: of the file; it decides which suffixes are allowed.
        rows: of the table.
        overwrite: whether a file that exists may be replaced.

    Raises:
        InputError: the suffix does not fit the kind, there are too many rows for a sheet, the
            folder does not exist, or the file exists.
    """
    path = Path(path)
    if kind == "table":
        _check_table(path, rows)
    if kind == "schema" and path.suffix not in (".yaml", ".yml"):
        raise InputError(f"{path}: a schema is a .yaml file; give it that suffix")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; create it first")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the path of a file")
    if path.exists() and not overwrite:
        remedy = _DELETE if kind == "schema" else _REPLACE
        raise InputError(f"{path}: exists already; {remedy}")
    return path


def _check_table(path: Path, rows: int) -> None:
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        given = f"suffix {suffix}" if suffix else "no suffix"
        raise InputError(f"{path}: {given} is not a table format; use .xlsx, .csv or .parquet")
    if suffix == ".xlsx" and rows > XLSX_ROWS:
        raise InputError(
            f"{path}: a sheet has at most {XLSX_ROWS:,} rows, and there are {rows:,}; "
            f"use .csv or .parquet"
        )


def write_table(table: pd.DataFrame, path: Path, *, overwrite: bool = False) -> None:
    """Writes a table as .xlsx, .csv or .parquet; the file is written completely or not at all.

    Raises:
        InputError: as in `check_output_path`, or the file system refuses.
    """
    path = check_output_path(path, kind="table", rows=len(table), overwrite=overwrite)
    with writable(path), atomic_write(path) as part:
        _WRITERS[path.suffix.lower()](table, part)


@contextmanager
def atomic_write(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yields a path to write to; if the block ends without an error, that file replaces `path`.

    Args:
        path: of the file. After an error it is unchanged.
        durable: whether the file and its name are on the disk when the block ends, so that they
            survive a power failure. This waits for the disk.

    Yields:
        The path of an empty file in the same folder. Its name ends with `.part`: a process that is
        killed leaves it there.

    Raises:
        OSError: the file system refuses.
    """
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        part.touch()  # checks before the work whether the folder can be written
        yield part
        if durable:
            _sync(part)
        part.replace(path)
        if durable:
            _sync(path.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turns an error of the file system into one sentence.

    Raises:
        InputError: the file system refuses.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); give another path"
        ) from error


def write_new(path: Path, text: str) -> None:
    """Writes a new YAML file of a schema.

    Raises:
        InputError: as in `check_output_path`, or the file system refuses.
    """
    check_output_path(path, kind="schema")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path}: exists already; {_DELETE}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written ({error}); give another path") from None


def _write_xlsx(table: pd.DataFrame, path: Path) -> None:
    import openpyxl  # type: ignore[import-untyped]  # slow to load, needed for workbooks only

    book = openpyxl.Workbook(write_only=True)  # takes a third of the time of to_excel
    sheet = book.create_sheet("Sheet1")
    sheet.append(list(table.columns))
    cells = table.astype(object)
    for row in cells.where(table.notna(), None).itertuples(index=False, name=None):
        sheet.append(row)
    book.save(path)


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, encoding="utf-8-sig")  # Excel needs the mark for Chinese


def _write_parquet(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False)


_WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    ".xlsx": _write_xlsx,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
