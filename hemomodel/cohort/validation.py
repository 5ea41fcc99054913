"""Checks the values of a table: kinds, limits, levels and rules.

A check returns its results and raises no error: `parse_sessions` refuses the table.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemomodel.schema.columns import Column, level_text
from hemomodel.schema.default_features import source_columns
from hemomodel.schema.entries import Derived, Rule, Task
from hemomodel.schema.formula import Columns, is_missing
from hemomodel.schema.schema import Schema
from hemomodel.tables.parsing import parse_column
from hemomodel.tables.sheet import Sheet

__all__ = [
    "Check",
    "Finding",
    "check_column",
    "check_derived",
    "check_labels",
    "check_rule",
    "derive_column",
]

_CLOSE = 1e-6  # a level may have been stored in single precision


@dataclass(frozen=True)
class Finding:
    """An implausible value that was counted and not changed, unless `problem` says otherwise.

    Attributes:
        column: the column as written, or the name of the rule.
        problem: what is implausible.
        count: the number of rows.
        row: the number of the first of them in the sheet (the header is row 1).
        value: the text of this cell.
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


@dataclass(frozen=True)
class Check:
    """The result of a check.

    Attributes:
        problem: why the table cannot be used, as a sentence without its source; otherwise empty.
        findings: implausible values.
    """

    problem: str = ""
    findings: tuple[Finding, ...] = ()


def check_column(sheet: Sheet, column: Column) -> tuple[np.ndarray, Check]:
    """Parses a column and checks its cells against its kind and, for numbers, its limits.

    Args:
        sheet: the cells.
        column: its declaration.

    Returns:
        The values, as in `ParsedColumn`, with percents as fractions; and the check.
    """
    name = column.english
    values, bad, problem = parse_column(sheet.column_text(name), column)
    if problem:
        whole = f"column {sheet.headers[name]!r} {problem}"
        return values, Check(_cell_problem(sheet, name, bad, problem) or whole)
    findings = []
    if column.percent:
        above = values > 1
        values = np.where(above, values / 100, values)
        findings += _finding(sheet, (name,), above, "above 1, read as percent and divided by 100")
    unit = f" {column.unit}" if column.unit else ""
    if column.hard:
        problem = f"is outside {_span(column.hard)}{unit}; correct or clear the cell"
        problem = _cell_problem(sheet, name, _outside(values, column.hard), problem)
        if problem:
            return values, Check(problem)
    if column.soft:
        problem = f"outside the plausible {_span(column.soft)}{unit}"
        findings += _finding(sheet, (name,), _outside(values, column.soft), problem)
    return values, Check(findings=tuple(findings))


def derive_column(
    derived: Derived, values: Columns, *, switches: Collection[str] = ()
) -> np.ndarray:
    """Returns (N,) float64, a derived feature; NaN if it lacks an input or is not finite.

    A division by zero or a logarithm of zero has no value from which a network could learn.
    """
    result = derived.formula_for(switches).evaluate(values).astype(np.float64)
    return np.where(np.isfinite(result), result, np.nan)


def check_derived(sheet: Sheet, schema: Schema, derived: Derived, values: Columns) -> Check:
    """Checks a derived feature, which is among the values, against its limits.

    A finding reports where it is missing although all its inputs are known.

    Args:
        sheet: the source of the rows.
        schema: the columns that it uses.
        derived: its declaration.
        values: (N,) by table column.
    """
    made_of = source_columns(derived.name, schema.columns, schema.derived)
    used = tuple(name for name in schema.read if name in made_of and name in sheet.columns)
    if not used:
        return Check()
    computed, what = values[derived.name], derived.title.lower()
    if derived.hard:
        problem = (
            f"gives {what} outside {_span(derived.hard)} {derived.unit}; correct or clear the cell"
        )
        problem = _cell_problem(sheet, used[0], _outside(computed, derived.hard), problem)
        if problem:
            return Check(problem)
    unexplained = is_missing(computed) & ~derived.formula.unknown(values)
    problem = f"without a finite {what}, which is left missing"
    findings = _finding(sheet, used, unexplained, problem)
    if derived.soft:
        problem = f"{what} outside the plausible {_span(derived.soft)} {derived.unit}"
        findings += _finding(sheet, used, _outside(computed, derived.soft), problem)
    return Check(findings=tuple(findings))


def check_rule(sheet: Sheet, rule: Rule, values: Columns) -> Check:
    """Checks every row in which all columns of the rule are known.

    Args:
        sheet: the source of the rows.
        rule: its declaration; severity "error" gives a problem, any other gives findings.
        values: (N,) the values by table column.
    """
    broken = rule.broken(values)
    names = tuple(name for name in rule.columns if name in sheet.columns)
    if rule.severity == "error" and broken.any():
        row = int(broken.argmax())
        cells = (f"{sheet.headers[n]!r} is {sheet.quoted_cell(n, row)!r}" for n in names)
        return Check(
            f"row {row + sheet.first_row} breaks the rule {rule.name!r}: {', '.join(cells)}; "
            "correct or clear one of the cells"
        )
    if not names:
        return Check()
    return Check(findings=tuple(_finding(sheet, names, broken, f"against the rule {rule.name!r}")))


def check_labels(sheet: Sheet, task: Task, values: np.ndarray) -> tuple[np.ndarray, Check]:
    """Makes a task's labels from its column, and checks that each value has one.

    Args:
        sheet: the source of the values.
        task: its declaration.
        values: (N,) float64, or texts of a category; missing as in `is_missing`.

    Returns:
        (N,) the labels: the index of the level, or the value, or its logarithm; and the check.
    """
    if not task.is_value:
        return _level_indices(sheet, task, values)
    if task.kind == "count":
        bad = ((values < 0) | (values != np.round(values))) & ~is_missing(values)
        problem = f"is not a count (a whole number, 0 or more), which task {task.name!r} needs"
        problem = _cell_problem(sheet, task.column, bad, f"{problem}; correct or clear the cell")
        if problem:
            return values, Check(problem)
    if task.transform == "none":
        return values, Check()
    problem = f"has no logarithm, which task {task.name!r} needs; correct or clear the cell"
    problem = _cell_problem(sheet, task.column, values <= 0, problem)
    return values if problem else np.log(values), Check(problem)


def _level_indices(sheet: Sheet, task: Task, values: np.ndarray) -> tuple[np.ndarray, Check]:
    """Returns (N,) the index of each value's level, NaN if it is missing."""
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
        f"correct the cell, or add the level to the schema"
    )
    check = Check(_cell_problem(sheet, task.column, ~known & ~absent, problem))
    return np.where(absent, np.nan, places), check


def _cell_problem(sheet: Sheet, name: str, bad: np.ndarray, problem: str) -> str:
    """Returns a sentence on the first bad cell of a column; empty if no cell is bad.

    Args:
        sheet: the cells.
        name: the column.
        bad: (N,) bool.
        problem: what is wrong, as the end of the sentence.
    """
    if not bad.any():
        return ""
    row = int(bad.argmax())
    others = int(bad.sum()) - 1
    more = f" (more rows of this column with this problem: {others})" if others else ""
    cell = f"column {sheet.headers[name]!r}, row {row + sheet.first_row}"
    return f"{cell}: {sheet.quoted_cell(name, row)!r} {problem}{more}"


def _finding(sheet: Sheet, names: tuple[str, ...], bad: np.ndarray, problem: str) -> list[Finding]:
    if not bad.any():
        return []
    row = int(bad.argmax())
    shown = [sheet.quoted_cell(name, row) for name in names]
    if len(names) > 1:
        shown = [f"{sheet.headers[name]} {text}" for name, text in zip(names, shown, strict=True)]
    column = sheet.headers[names[0]]
    return [Finding(column, problem, int(bad.sum()), row + sheet.first_row, ", ".join(shown))]


def _outside(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    outside: np.ndarray = (values < limits[0]) | (values > limits[1])
    return outside


def _span(limits: tuple[float, float]) -> str:
    return f"{limits[0]:g} to {limits[1]:g}"
