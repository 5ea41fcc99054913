"""Reads the tables that a study wrote, with checks for damaged or changed files."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from hemomodel.errors import InputError
from hemomodel.tables.file_limits import check_parquet

__all__ = ["read_table"]


def read_table(path: Path, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Reads a parquet file.

    Args:
        path: the file; it must exist.
        columns: the columns that it must have.

    Raises:
        InputError: the file is not a parquet file, is too large, or lacks a column.
    """
    try:
        check_parquet(path)
        table = pd.read_parquet(path)
    except InputError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as a table ({reason}); restore it") from None
    for column in columns:
        if column not in table:
            raise InputError(
                f"{path}: lacks the column {column!r}; restore it, or compare again with --resume"
            )
    return table
