"""The rows of a table, parsed and checked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemomodel.cohort.validation import (
    Check,
    Finding,
    check_column,
    check_derived,
    check_labels,
    check_rule,
    derive_column,
)
from hemomodel.errors import InputError
from hemomodel.schema.schema import Schema
from hemomodel.tables.sheet import Sheet

__all__ = ["Sessions", "parse_sessions"]


@dataclass(frozen=True, eq=False)
class Sessions:
    """The rows of a table, parsed and checked, before any filter.

    Attributes:
        table: (N, columns), as in a cohort.
        labels: (N, T), as in a cohort.
        missing: (N,) bool, by the English name of each column that is read.
        findings: implausible values.
    """

    table: pd.DataFrame
    labels: np.ndarray
    missing: Mapping[str, np.ndarray]
    findings: tuple[Finding, ...]


def parse_sessions(sheet: Sheet, schema: Schema, *, switches: Collection[str] = ()) -> Sessions:
    """Parses and checks every row of a sheet; with a schema without tasks, T is 0.

    Args:
        sheet: the cells.
        schema: the columns.
        switches: the switches of the schema that are on.

    Raises:
        InputError: a value is not as the schema declares, or the schema has no such switch.
    """
    _check_switches(schema, switches)
    absent: dict[str, np.ndarray] = {}
    values: dict[str, np.ndarray] = {}
    findings: list[Finding] = []
    for name, column in schema.read.items():
        parsed, check = check_column(sheet, column)
        findings += _accepted(sheet, check)
        values |= zip(column.table_columns, parsed.reshape(sheet.size, -1).T, strict=True)
        absent[name] = pd.isna(values[column.table_columns[0]])
    for derived in schema.derived:
        values[derived.name] = derive_column(derived, values)
        findings += _accepted(sheet, check_derived(sheet, schema, derived, values))
    for rule in schema.rules:
        findings += _accepted(sheet, check_rule(sheet, rule, values))
    labels = np.empty((sheet.size, len(schema.tasks)))  # a table of new patients has none
    for place, task in enumerate(schema.tasks):
        labels[:, place], check = check_labels(sheet, task, values[task.column])
        findings += _accepted(sheet, check)
    if schema.feature_switches & set(switches):  # limits and rules apply to `formula`
        values |= {d.name: derive_column(d, values, switches=switches) for d in schema.derived}
    return Sessions(
        table=pd.DataFrame({name: _stored(array) for name, array in values.items()}),
        labels=labels,
        missing=absent,
        findings=tuple(findings),
    )


def _accepted(sheet: Sheet, check: Check) -> tuple[Finding, ...]:
    """Returns the findings of a check: the one place where a table is refused for a value.

    Raises:
        InputError: the check has a problem.
    """
    if check.problem:
        raise InputError(f"{sheet.source}: {check.problem}")
    return check.findings


def _check_switches(schema: Schema, switches: Collection[str]) -> None:
    unknown = sorted(set(switches) - schema.switch_names)
    if not unknown:
        return
    known = [
        f"{name} ({schema.switches[name]})" if name in schema.switches else name
        for name in sorted(schema.switch_names)
    ]
    raise InputError(
        f"schema {schema.name!r} has no switch {unknown[0]!r} (its switches: "
        f"{', '.join(known) or 'none'}); remove it"
    )


def _stored(values: np.ndarray) -> np.ndarray | pd.Series:
    return pd.Series(values, dtype="str") if values.dtype == object else values
