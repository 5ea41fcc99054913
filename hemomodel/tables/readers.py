"""Reads the cells of an .xlsx, .csv, .parquet or .arff file."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from hemomodel.errors import InputError
from hemomodel.schema.schema import Schema
from hemomodel.tables.arff import read_arff
from hemomodel.tables.file_limits import check_csv, check_parquet, check_xlsx
from hemomodel.tables.sheet import RawTable, Sheet, check_rows, locate_columns, plain_header
from hemomodel.tables.text_files import csv_options

__all__ = ["check_path", "read_cells", "read_file", "read_frame", "readable"]


def read_file(path: str | Path, schema: Schema, *, tasks: bool = True) -> Sheet:
    """Reads the declared columns of an .xlsx (its first sheet), .csv, .parquet or .arff file.

    Args:
        path: the file.
        schema: the columns to look for.
        tasks: whether the task columns are required.

    Raises:
        InputError: it is not such a file, or its columns do not match the schema.
    """
    labels, cells = read_cells(path)
    return locate_columns(labels, cells, schema, source=str(path), tasks=tasks)


def read_cells(path: str | Path) -> tuple[list[str], pd.DataFrame]:
    """Reads the headers of a table, normalised, and its cells (N, columns) as in the file.

    Raises:
        InputError: the table cannot be read, or has no row.
    """
    path = check_path(path)
    with readable(path):
        header, cells = _READERS[path.suffix.lower()](path)
    check_rows(len(cells), str(path))
    return [plain_header(label) for label in header], cells


def check_path(path: str | Path) -> Path:
    """Returns the path of a table, after a check of its name and size.

    Raises:
        InputError: the file does not exist, or is not of a supported format.
    """
    path = Path(path)
    try:
        is_folder = path.is_dir()
    except OSError as error:  # for example a name that is too long
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
    """Turns any error of a parser into one sentence.

    Raises:
        InputError: the block raised an error.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns about styles and extensions
            yield
    except InputError:
        raise
    except Exception as error:  # a damaged file can raise any error of its parser
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        kind = path.suffix.lower()
        raise InputError(
            f"{path}: cannot be read as a {kind} table ({what}); save it again"
        ) from error


def read_frame(frame: pd.DataFrame, schema: Schema, *, source: str, tasks: bool = True) -> Sheet:
    """Locates the declared columns of a DataFrame; see `read_file`."""
    check_rows(len(frame), source)
    labels = [plain_header(label) for label in frame.columns]
    return locate_columns(labels, frame, schema, source=source, tasks=tasks)


def _read_xlsx(path: Path) -> RawTable:
    check_xlsx(path)
    frame = pd.read_excel(path, header=None, dtype=object, keep_default_na=False, engine="openpyxl")
    return list(frame.iloc[0]), frame.iloc[1:]


def _read_csv(path: Path) -> RawTable:
    check_csv(path)
    frame = pd.read_csv(path, **csv_options(path))
    return list(frame.iloc[0]), frame.iloc[1:]


def _read_parquet(path: Path) -> RawTable:
    check_parquet(path)
    table = pq.ParquetFile(path).read()
    table.validate(full=True)  # pandas finds an incomplete character too late
    header = table.column_names
    return header, table.rename_columns([str(i) for i in range(len(header))]).to_pandas(
        ignore_metadata=True  # an index column stays an ordinary column
    )


_READERS: dict[str, Callable[[Path], RawTable]] = {
    ".xlsx": _read_xlsx,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".arff": read_arff,
}
