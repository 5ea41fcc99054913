"""What parsed values must satisfy: limits, levels and rules.

An error ends the reading; a warning is counted.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemomodel.errors import InputError
from hemomodel.schema.columns import Column, level_text
from hemomodel.schema.default_features import source_columns
from hemomodel.schema.entries import Derived, Task
from hemomodel.schema.formula import Columns, is_missing
from hemomodel.schema.schema import Schema
from hemomodel.tables.sheet import Sheet

__all__ = [
    "Finding",
    "check_column",
    "check_derived",
    "check_rules",
    "derive_column",
    "task_labels",
]

_CLOSE = 1e-6  # a level may have gone through single precision


@dataclass(frozen=True)
class Finding:
    """Something implausible that was counted and left as it is, unless `problem` says otherwise.

    Attributes:
        column: the column as written, or the name of the rule.
        problem: what is implausible.
        count: in how many rows.
        row: the first of them, as a person counts in the sheet (the header is row 1).
        value: what stands there.
    """

    column: str
    problem: str
    count: int
    row: int
    value: str

    def __str__(self) -> str:
        rows = "row" if self.count == 1 else "rows"
        first = f"(first: row {self.row}, {self.value})"
        return f"{self.column}: {self.count} {rows} {self.problem} {first}"


def _finding(sheet: Sheet, names: tuple[str, ...], bad: np.ndarray, problem: str) -> list[Finding]:
    if not bad.any():
        return []
    row = int(bad.argmax())
    shown = [sheet.quoted_cell(name, row) for name in names]
    if len(names) > 1:
        shown = [f"{sheet.headers[name]} {text}" for name, text in zip(names, shown, strict=True)]
    column = sheet.headers[names[0]]
    return [Finding(column, problem, int(bad.sum()), row + sheet.first_row, ", ".join(shown))]


def check_column(
    sheet: Sheet, column: Column, values: np.ndarray
) -> tuple[np.ndarray, list[Finding]]:
    """Holds a number column against its limits.

    Args:
        sheet: where it came from.
        column: its declaration.
        values: (N,) float64.

    Returns:
        The values (N,), percents made fractions, and what was found.

    Raises:
        InputError: a value is outside the hard limits.
    """
    name, findings = column.english, []
    if column.percent:
        above = values > 1
        values = np.where(above, values / 100, values)
        findings += _finding(sheet, (name,), above, "above 1, read as percent and divided by 100")
    unit = f" {column.unit}" if column.unit else ""
    if column.hard:
        problem = f"is outside {_span(column.hard)}{unit}; mend or empty the cell"
        sheet.raise_if(name, _outside(values, column.hard), problem)
    if column.soft:
        problem = f"outside the plausible {_span(column.soft)}{unit}"
        findings += _finding(sheet, (name,), _outside(values, column.soft), problem)
    return values, findings


def derive_column(
    derived: Derived, values: Columns, *, switches: Collection[str] = ()
) -> np.ndarray:
    """Returns (N,) float64, a derived feature; NaN where what it needs is missing or gives none.

    A division by zero has no value that a network could learn from, nor has a logarithm of zero.
    """
    result = derived.formula_for(switches).evaluate(values).astype(np.float64)
    return np.where(np.isfinite(result), result, np.nan)


def check_derived(sheet: Sheet, schema: Schema, derived: Derived, values: Columns) -> list[Finding]:
    """Holds a derived feature, which is among the values, against its limits.

    Args:
        sheet: where the rows came from.
        schema: has the columns that it is made of.
        derived: its declaration.
        values: (N,) by table column.

    Returns:
        what was found, and where it is missing though all that it needs is there.

    Raises:
        InputError: a value is outside the hard limits.
    """
    made_of = source_columns(derived.name, schema.columns, schema.derived)
    used = tuple(name for name in schema.read if name in made_of and name in sheet.columns)
    if not used:
        return []
    computed, what = values[derived.name], derived.title.lower()
    if derived.hard:
        problem = (
            f"gives {what} outside {_span(derived.hard)} {derived.unit}; mend or empty the cell"
        )
        sheet.raise_if(used[0], _outside(computed, derived.hard), problem)
    unexplained = is_missing(computed) & ~derived.formula.unknown(values)
    problem = f"without a finite {what}, which is left missing"
    findings = _finding(sheet, used, unexplained, problem)
    if derived.soft:
        problem = f"{what} outside the plausible {_span(derived.soft)} {derived.unit}"
        findings += _finding(sheet, used, _outside(computed, derived.soft), problem)
    return findings


def check_rules(sheet: Sheet, schema: Schema, values: Columns) -> list[Finding]:
    """Holds every row against the rules of the schema, where all columns of a rule are known.

    Args:
        sheet: where the rows came from.
        schema: has the rules.
        values: (N,) the values by table column.

    Raises:
        InputError: a rule of severity "error" is broken.
    """
    findings = []
    for rule in schema.rules:
        broken = rule.broken(values)
        cells = tuple(name for name in rule.columns if name in sheet.columns)
        if rule.severity == "error" and broken.any():
            row = int(broken.argmax())
            shown = ", ".join(
                f"{sheet.headers[n]!r} is {sheet.quoted_cell(n, row)!r}" for n in cells
            )
            raise InputError(
                f"{sheet.source}: row {row + sheet.first_row} breaks the rule {rule.name!r}: "
                f"{shown}; mend or empty one of the cells"
            )
        if cells:
            findings += _finding(sheet, cells, broken, f"against the rule {rule.name!r}")
    return findings


def task_labels(sheet: Sheet, task: Task, values: np.ndarray) -> np.ndarray:
    """Returns (N,) a task's labels: the index of the level, or the value, or its logarithm.

    Args:
        sheet: where the values came from.
        task: its declaration.
        values: (N,) float64, or texts of a category; missing as `missing` has it.

    Raises:
        InputError: a value is not a declared level, no count, or has no logarithm.
    """
    if not task.is_value:
        return _level_indices(sheet, task, values)
    if task.kind == "count":
        bad = (values < 0) | (values != np.round(values))
        problem = f"is no count, as task {task.name!r} needs: a whole number from 0 up"
        sheet.raise_if(task.column, bad & ~is_missing(values), f"{problem}; mend or empty the cell")
    if task.transform == "none":
        return values
    problem = f"has no logarithm, which task {task.name!r} learns; mend or empty the cell"
    sheet.raise_if(task.column, values <= 0, problem)
    result: np.ndarray = np.log(values)
    return result


def _level_indices(sheet: Sheet, task: Task, values: np.ndarray) -> np.ndarray:
    """Returns (N,) which level of a task each value is, NaN where it is missing."""
    absent = is_missing(values)
    if values.dtype == object:
        places = pd.Index(task.levels).get_indexer(pd.Index(values))
        known = places >= 0
    else:
        levels = np.array(task.levels)
        places = np.abs(values[:, None] - levels).argmin(axis=1)
        known = np.isclose(values, levels[places], rtol=_CLOSE, atol=_CLOSE)
    listed = ", ".join(map(level_text, task.levels))
    problem = (
        f"is not a level of task {task.name!r} ({listed}); "
        f"if it is right, extend the levels in the schema"
    )
    sheet.raise_if(task.column, ~known & ~absent, problem)
    return np.where(absent, np.nan, places)


def _outside(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    outside: np.ndarray = (values < limits[0]) | (values > limits[1])
    return outside


def _span(limits: tuple[float, float]) -> str:
    return f"{limits[0]:g} to {limits[1]:g}"
