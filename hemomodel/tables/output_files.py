"""A DataFrame to a file that `load_cohort` reads back."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import openpyxl  # type: ignore[import-untyped]
import pandas as pd

from hemomodel.errors import InputError

__all__ = [
    "XLSX_ROWS",
    "atomic_write",
    "check_new",
    "check_place",
    "check_target",
    "write_new",
    "write_table",
]

XLSX_ROWS = 1_048_575  # a sheet's 2**20, less the header


def check_target(path: str | Path, rows: int, *, overwrite: bool = False) -> Path:
    """Returns the path if a table of so many rows can be written there; call it before the work.

    Raises:
        InputError: the kind of file is unknown or too small, its folder is missing, or it exists.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        found = f"suffix {suffix}" if suffix else "no suffix"
        raise InputError(f"{path}: {found} is no kind of table; use .xlsx, .csv or .parquet")
    if suffix == ".xlsx" and rows > XLSX_ROWS:
        raise InputError(
            f"{path}: a sheet holds {XLSX_ROWS:,} rows and {rows:,} were asked for; "
            f"use .csv or .parquet"
        )
    return check_place(path, overwrite=overwrite)


def check_place(path: Path, *, overwrite: bool = False) -> Path:
    """Returns the path if a file of any kind can be written there.

    Raises:
        InputError: its folder is missing, or it exists.
    """
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the path of a file")
    if path.exists() and not overwrite:
        raise InputError(f"{path}: exists already; use --force to replace it, or another name")
    return path


def check_new(path: Path) -> Path:
    """Returns the path if the YAML file of a schema can be written there; call it before the work.

    Raises:
        InputError: it is not called .yaml, its folder is missing, or it exists.
    """
    if path.suffix not in (".yaml", ".yml"):
        raise InputError(f"{path}: a schema is a .yaml file; give it that suffix")
    if path.exists():
        raise InputError(f"{path}: exists already; give another name, or delete it")
    return check_place(path)


def write_table(table: pd.DataFrame, path: Path, *, overwrite: bool = False) -> None:
    """Writes a table as .xlsx, .csv or .parquet; the file appears whole or not at all.

    Raises:
        InputError: as in `check_target`, or the file system refuses.
    """
    path = check_target(path, len(table), overwrite=overwrite)
    with atomic_write(path) as part:
        _WRITERS[path.suffix.lower()](table, part)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a place to write to; the file appears at its path when the block has ended well.

    Raises:
        InputError: the file system refuses.
    """
    part = None
    try:
        with NamedTemporaryFile(dir=path.parent, suffix=path.suffix, delete=False) as file:
            part = Path(file.name)
        yield part
        part.chmod(0o666 & ~_umask())  # a temporary file is private, the table is not
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def write_new(path: Path, text: str) -> None:
    """Writes the YAML file of a schema that is not there yet.

    Raises:
        InputError: as in `check_new`, or the file system refuses.
    """
    check_new(path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path}: exists already; give another name, or delete it") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written ({error}); give another path") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_xlsx(table: pd.DataFrame, path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)  # row by row: a third of the time of to_excel
    sheet = book.create_sheet("Sheet1")
    sheet.append(list(table.columns))
    cells = table.astype(object)
    for row in cells.where(table.notna(), None).itertuples(index=False, name=None):
        sheet.append(row)
    book.save(path)


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, encoding="utf-8-sig")  # the mark makes Excel show Chinese


def _write_parquet(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False)


_WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    ".xlsx": _write_xlsx,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
