"""Makes a cohort from a file or a table: parsed, checked, filtered and counted."""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from hemomodel.cohort.attrition import Attrition, apply_filters
from hemomodel.cohort.sessions import parse_sessions
from hemomodel.cohort.validation import Finding
from hemomodel.errors import InputError
from hemomodel.schema.entries import Labels
from hemomodel.schema.schema import Schema, load_schema
from hemomodel.tables.readers import read_file, read_frame
from hemomodel.tables.sheet import Sheet

__all__ = ["Cohort", "build_cohort", "filter_sheet", "load_cohort"]


@dataclass(frozen=True, eq=False)
class Cohort:
    """Rows from which a network can learn.

    Attributes:
        schema: the columns and the tasks.
        table: (N, columns) English names: float64 numbers and flags, str categories, days; NaN, or
            not-a-time, for missing.
        labels: (N, T) float64: the index of the level, or the value of a regression in its own
            unit (its logarithm if the task has this transform); NaN for missing.
        rows: (N,) the position of each row in the original table, from 0.
        attrition: the rows left after each filter.
        findings: implausible values, over all rows of the original table.
        digest: of the content, independent of the file format.
        groups: (N,) int64, the same number in all rows of one person (of the column of role
            `group`). A row without a value is a group by itself; None if each row is a group.
        bayes_prediction: (N, K) of a Bayes-optimal predictor, if it is known: probabilities of
            the levels, and the mean of each regression.
        switches: the switches of the schema that were on when the rows were read.
    """

    schema: Schema
    table: pd.DataFrame
    labels: np.ndarray
    rows: np.ndarray
    attrition: Attrition
    findings: tuple[Finding, ...]
    digest: str
    groups: np.ndarray | None = None
    bayes_prediction: np.ndarray | None = None
    switches: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.table)


def load_cohort(
    path: str | Path,
    schema: Schema | None = None,
    *,
    labels: Labels = "complete",
    switches: Collection[str] = (),
    require_comorbidities: bool = False,
    legacy_age: bool = False,
) -> Cohort:
    """Reads a cohort from an .xlsx, .csv, .parquet or .arff file.

    Args:
        path: the file; in a workbook, the first sheet is read.
        schema: its columns; the built-in hemodialysis schema if None.
        labels: `complete` applies the schema's filters for rows with all labels, `partial` those
            for rows that may lack some.
        switches: names of the schema's switches that are on.
        require_comorbidities: turns on the switch of this name: rows without comorbidities are
            also removed, as for the published curves.
        legacy_age: turns on the switch of this name: the age is computed as in the published
            notebook, three years too high.

    Raises:
        InputError: the file cannot be read, a value is not as the schema declares, the schema has
            no such switch, or no row is left.
    """
    schema = schema or load_schema()
    flags = names_of_true(require_comorbidities=require_comorbidities, legacy_age=legacy_age)
    return filter_sheet(
        read_file(path, schema), schema, labels=labels, switches=flags.union(switches)
    )


def names_of_true(**flags: bool) -> frozenset[str]:
    """Returns the names of the arguments that are true.

    >>> sorted(names_of_true(a=True, b=False))
    ['a']
    """
    return frozenset(name for name, is_on in flags.items() if is_on)


def build_cohort(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    source: str,
    labels: Labels = "complete",
    switches: Collection[str] = (),
) -> Cohort:
    """Makes a cohort from a DataFrame with the table's own columns; see `load_cohort`.

    Args:
        frame: the rows, as read from a file.
        schema: the columns.
        source: the name of the table in errors.
        labels: as in `load_cohort`.
        switches: as in `load_cohort`.

    Raises:
        InputError: a value is not as the schema declares, the schema has no such switch, or no
            row is left.
    """
    sheet = read_frame(frame, schema, source=source)
    return filter_sheet(sheet, schema, labels=labels, switches=switches)


def filter_sheet(
    sheet: Sheet,
    schema: Schema,
    *,
    labels: Labels = "complete",
    switches: Collection[str] = (),
) -> Cohort:
    """Makes a cohort from cells; see `load_cohort`.

    Args:
        sheet: the cells.
        schema: the columns.
        labels: as in `load_cohort`.
        switches: as in `load_cohort`.

    Raises:
        InputError: a value is not as the schema declares, the schema has no such switch, or no
            row is left.
    """
    sessions = parse_sessions(sheet, schema, switches=switches)
    filled = ~np.logical_and.reduce(list(sessions.missing.values()))
    named = {name for rule in schema.filters if rule.drop for name in rule.drop.columns}
    passed, attrition = apply_filters(
        schema,
        {name: absent[filled] for name, absent in sessions.missing.items()},
        {name: sessions.table[name].to_numpy()[filled] for name in named},
        switches=switches,
        labels=labels,
    )
    rows = np.flatnonzero(filled)[passed]
    if not len(rows):
        raise InputError(f"{sheet.source}: {_emptied(attrition)}")
    table = sessions.table.iloc[rows].reset_index(drop=True)
    return Cohort(
        schema=schema,
        table=table,
        labels=sessions.labels[rows],
        rows=rows,
        attrition=attrition,
        findings=sessions.findings,
        digest=_digest(table, sessions.labels[rows]),
        groups=_groups(table, schema),
        switches=frozenset(switches),
    )


def _groups(table: pd.DataFrame, schema: Schema) -> np.ndarray | None:
    names = schema.columns_with_role("group")
    if not names:
        return None
    groups, known = pd.factorize(table[names[0]])
    alone = groups < 0  # the person is unknown
    groups[alone] = len(known) + np.arange(alone.sum())
    return groups


def _emptied(attrition: Attrition) -> str:
    counts = str(attrition).partition("\n")[0]
    largest = max(attrition.steps, key=lambda step: step.removed, default=None)
    rule = f"; {largest.rule!r} removed {largest.removed}" if largest else ""
    return f"the filters leave no row ({counts}){rule}; correct the filters of the schema"


def _digest(table: pd.DataFrame, labels: np.ndarray) -> str:
    """Returns a hash of names and values, independent of file format and libraries.

    Numbers are hashed in single precision: a spreadsheet keeps 16 of the 17 digits of a double.
    """
    digest = sha256(repr((table.shape, list(table.columns))).encode())
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_string_dtype(column):
            digest.update("\x1f".join(column.fillna("").to_numpy(dtype=object)).encode())
        elif pd.api.types.is_datetime64_dtype(column):
            days = column.to_numpy().astype("datetime64[D]").astype("<i8")
            digest.update(days.tobytes())
        else:
            digest.update(_single(column.to_numpy()))
    digest.update(_single(labels))
    return digest.hexdigest()


def _single(values: np.ndarray) -> bytes:
    return np.where(np.isnan(values), np.nan, values).astype("<f4").tobytes()  # one form of NaN
