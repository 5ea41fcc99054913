"""What a study's files must hold for a report, checked before anything is drawn from them."""

from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from hemomodel.errors import InputError
from hemomodel.schema.validation_message import validation_message

__all__ = ["COLUMNS", "check_comparison", "check_kinds"]

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


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Interval(_Part):
    estimate: float
    low: float
    high: float


class _Arm(_Part):
    arm: str
    trials: dict[str, int]
    tasks: dict[str, dict[str, Any]]
    score: _Interval | None = None
    regret: _Interval | None = None
    delta_m: _Interval | None = None
    mean_rank: float | None = None
    seconds_per_trial: float | None = None
    seconds_per_step: float | None = None
    finalists: list[dict[str, Any]] | None = None
    expected_best: list[dict[str, Any]] | None = None


class _Difference(_Interval):
    arm: str
    baseline: str
    distinguishable: bool
    verdict: str = ""
    p_value: float | None = None
    p_holm: float | None = None
    regret: _Interval | None = None


class _Reference(_Part):
    model: str
    tasks: dict[str, dict[str, Any]]
    score: _Interval | None = None


class _Comparison(_Part):
    verdict: str
    held_out_rows: int | None = None
    held_out_units: int | None = None
    unit: str = "rows"
    arms: list[_Arm]
    differences: list[_Difference]
    references: list[_Reference] | None = None
    ranks: dict[str, Any] | None = None


def check_comparison(path: Path, comparison: dict[str, Any]) -> None:
    """Holds `comparison.json` against what a report takes from it.

    Raises:
        InputError: something is missing, or is of another kind.
    """
    try:
        _Comparison.model_validate(comparison)
    except ValidationError as error:
        message = validation_message(error, _Comparison)
        raise InputError(
            f"{path}: {message}; restore the file, or compare again with --resume"
        ) from None


def check_kinds(path: Path, name: str, table: pd.DataFrame) -> None:
    """Holds a table's columns against the kinds that a report takes from them.

    Raises:
        InputError: a column is of another kind.
    """
    for column in COLUMNS[name]:
        numeric = pd.api.types.is_numeric_dtype(table[column])
        if len(table) and numeric == (column in _TEXT):
            kind = "text" if column in _TEXT else "numbers"
            raise InputError(
                f"{path}: column {column!r} holds {table[column].dtype}, not {kind}; restore it"
            )
