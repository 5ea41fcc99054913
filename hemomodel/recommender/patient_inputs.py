"""The part of a table that a model reads: the patients' features, without prescriptions."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemomodel.cohort.sessions import parse_sessions
from hemomodel.dataset.preprocessor import feature_blocks
from hemomodel.schema.schema import Schema
from hemomodel.tables.sheet import Sheet

__all__ = ["PatientInputs", "input_schema", "read_inputs"]


@dataclass(frozen=True, eq=False)
class PatientInputs:
    """N patients.

    Attributes:
        table: (N, columns) as in a cohort, with only the columns that the model's features need.
        rows: (N,), row numbers as shown in a spreadsheet (the header is row 1).
        ids: (N,) texts, or None if the table has no column that identifies the patient.
    """

    table: pd.DataFrame
    rows: np.ndarray
    ids: pd.Series | None


def input_schema(schema: Schema, feature_set: str) -> Schema:
    """Returns the schema of the columns that a feature set needs: no task, no context, no filter.

    It has the limits and rules for these columns only. Columns that identify the patient are
    optional.

    Raises:
        InputError: the schema has no such feature set.
    """
    needed = _needed_names(schema, feature_set)
    identifiers = schema.columns_with_role("id") + schema.columns_with_role("group")
    columns = tuple(
        column.model_copy(update={"optional": True}) if column.english in identifiers else column
        for column in schema.columns
        if column.english in (*needed, *identifiers)
    )
    derived = tuple(entry for entry in schema.derived if entry.name in needed)
    known = {part for column in columns for part in column.table_columns}
    known |= {entry.name for entry in derived}
    # Not validated, because validation requires a task. Each entry was validated in the complete
    # schema. No entry names a column that is missing here: `needed` has the columns of the
    # formulas, and rules with other columns are removed.
    return Schema.model_construct(
        name=schema.name,
        title=schema.title,
        columns=columns,
        derived=derived,
        rules=tuple(rule for rule in schema.rules if set(rule.columns) <= known),
    )


def _needed_names(schema: Schema, feature_set: str) -> set[str]:
    """Returns the columns and derived features that a feature set uses, by English name."""
    needed = {name for block in feature_blocks(schema, feature_set) for name in block.columns}
    for derived in reversed(schema.derived):  # each may use those before it
        if derived.name in needed:
            needed |= {name for formula in derived.formulas for name in formula.columns}
    column_of = {part: c.english for c in schema.read.values() for part in c.table_columns}
    return needed | {column_of[name] for name in needed if name in column_of}


def read_inputs(sheet: Sheet, schema: Schema, *, switches: Collection[str] = ()) -> PatientInputs:
    """Parses and checks the patients of a sheet.

    Args:
        sheet: read with the schema.
        schema: the result of `input_schema`.
        switches: the switches of the model; one for a feature that is not read has no effect.

    Raises:
        InputError: a value does not match the schema.
    """
    table = parse_sessions(sheet, schema, switches=schema.switch_names & set(switches)).table
    identifiers = schema.columns_with_role("id") + schema.columns_with_role("group")
    named = [name for name in identifiers if name in sheet.columns]
    return PatientInputs(
        table=table,
        rows=np.arange(sheet.size) + sheet.first_row,
        ids=table[named[0]].astype("str") if named else None,
    )
