"""The columns that a report needs in a study's tables, checked before they are used."""

from pathlib import Path

import pandas as pd

from hemomodel.errors import InputError

__all__ = ["COLUMNS", "check_kinds"]

_TEXT = {
    *("arm", "task", "metric", "model", "other", "state", "error", "params", "variable", "level"),
    *("stage", "subgroup", "feature", "title", "title_zh"),
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "trials": ("number", "arm", "state", "seconds", "error", "params"),
    "held_out": ("arm", "task", "metric", "value", "seed", "fold", "outer_fold"),
    "references": ("model", "task", "metric", "value"),
    "curves": ("arm", "epoch", "task", "metric", "mean", "low", "high", "outer_fold"),
    "cosines": ("arm", "epoch", "task", "other", "cosine", "outer_fold"),
    "calibration": ("arm", "task", "bin", "predicted", "observed", "count"),
    "table_one": ("variable", "level"),
    "permutation": ("arm", "task", "feature", "title", "title_zh", "mean", "sd", "outer_fold"),
    "ensemble_scores": ("arm", "outer_fold", "task", "metric", "value"),
    "ensemble_calibration": ("arm", "task", "stage", "bin", "predicted", "observed", "count"),
    "subgroups": (
        "arm",
        "subgroup",
        "title",
        "title_zh",
        "level",
        "task",
        "rows",
        "estimate",
        "low",
        "high",
    ),
}


def check_kinds(path: Path, name: str, table: pd.DataFrame) -> None:
    """Checks that each column of a table has the kind (text or numbers) that a report needs.

    Raises:
        InputError: a column has another kind.
    """
    for column in COLUMNS[name]:
        numeric = pd.api.types.is_numeric_dtype(table[column])
        if len(table) and numeric == (column in _TEXT):
            kind = "text" if column in _TEXT else "numbers"
            raise InputError(
                f"{path}: column {column!r} has type {table[column].dtype}, not {kind}; "
                "restore the file"
            )
