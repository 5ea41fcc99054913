"""What a model reads of a table: patients' states, without the prescriptions."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemomodel.cohort.sessions import parse_sessions
from hemomodel.dataset.preprocessor import feature_blocks
from hemomodel.schema import formula
from hemomodel.schema.entries import Derived
from hemomodel.schema.schema import Schema
from hemomodel.tables.sheet import Sheet

__all__ = ["PatientInputs", "input_schema", "read_inputs"]


@dataclass(frozen=True, eq=False)
class PatientInputs:
    """N patients.

    Attributes:
        table: (N, columns) as in a cohort, with what the model's features need and no more.
        rows: (N,), as a person counts in the sheet (the header is row 1).
        ids: (N,) texts, or None if the table has no column that says who a row is.
    """

    table: pd.DataFrame
    rows: np.ndarray
    ids: pd.Series | None


def input_schema(schema: Schema, feature_set: str) -> Schema:
    """Returns a schema of what a feature set needs: no task, no context, no filter.

    Limits and rules are those about what is left; who a row is may be there or not.

    Raises:
        InputError: the schema has no such feature set.
    """
    wanted = {n for block in feature_blocks(schema, feature_set) for n in block.columns}
    derived = {one.name: one for one in schema.derived}
    for name in reversed(derived):  # each may be made of those before it
        if name in wanted:
            wanted |= {
                part for text in _formulas(derived[name]) for part in formula.columns_in(text)
            }
    flags = {part: c.english for c in schema.read.values() for part in c.table_columns}
    wanted |= {flags[name] for name in wanted if name in flags}
    named = schema.columns_with_role("id") + schema.columns_with_role("group")
    columns = tuple(
        column.model_copy(update={"optional": True}) if column.english in named else column
        for column in schema.columns
        if column.english in (*wanted, *named)
    )
    known = {part for c in columns for part in c.table_columns} | (wanted & set(derived))
    # Not validated: a schema of its own would need a task.
    return Schema.model_construct(
        name=schema.name,
        title=schema.title,
        columns=columns,
        derived=tuple(one for one in schema.derived if one.name in wanted),
        rules=tuple(rule for rule in schema.rules if set(rule.columns) <= known),
        filters=(),
        feature_sets=schema.feature_sets,
    )


def _formulas(derived: Derived) -> list[str]:
    return [text for text in (derived.formula, derived.legacy) if text is not None]


def read_inputs(sheet: Sheet, schema: Schema, *, switches: Collection[str] = ()) -> PatientInputs:
    """Parses and checks the patients of a sheet.

    Args:
        sheet: read with the schema.
        schema: what `input_schema` returned.
        switches: that the model was fitted with; one of a feature that is not read has no effect.

    Raises:
        InputError: a value is not what the schema says.
    """
    table = parse_sessions(sheet, schema, switches=schema.switch_names & set(switches)).table
    named = [
        n
        for n in (*schema.columns_with_role("id"), *schema.columns_with_role("group"))
        if n in sheet.columns
    ]
    return PatientInputs(
        table=table,
        rows=np.arange(sheet.size) + sheet.first_row,
        ids=table[named[0]].astype("str") if named else None,
    )
