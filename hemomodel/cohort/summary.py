"""Describes a table: the first table of a paper, missing values, attrition and findings."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from hemomodel.cohort.cohort import Cohort, filter_sheet
from hemomodel.cohort.sessions import parse_sessions
from hemomodel.schema.columns import Column, level_text
from hemomodel.schema.entries import Labels
from hemomodel.schema.schema import Schema, load_schema
from hemomodel.tables.readers import read_file

__all__ = [
    "CohortSummary",
    "Tables",
    "attrition_table",
    "category_summary",
    "finding_table",
    "missingness",
    "number_summary",
    "summarize_file",
    "table_one",
]

Tables: TypeAlias = Mapping[str, pd.DataFrame]
"""Name of a group of rows -> table (N, columns) of these rows, as in a cohort."""

_SKEWED = 0.5  # mean and SD would mislead if the absolute skewness is larger
_DIGITS = (10, 1000)  # one decimal for each of these that is above both mean and SD


@dataclass(frozen=True, eq=False)
class CohortSummary:
    """A file before and after the filters.

    Attributes:
        source: the file.
        all_rows: (rows of the file, columns), as in a cohort.
        cohort: the rows that are left after the filters.
    """

    source: str
    all_rows: pd.DataFrame
    cohort: Cohort

    @property
    def groups(self) -> dict[str, pd.DataFrame]:
        """The two groups that the summary compares."""
        return {"all rows": self.all_rows, "kept": self.cohort.table}

    def to_dict(self) -> dict[str, object]:
        """Returns the summary as plain data, for JSON."""
        schema = self.cohort.schema
        return {
            "source": self.source,
            "schema": schema.name,
            "digest": self.cohort.digest,
            "attrition": self.cohort.attrition.to_dict(),
            "numbers": {n: _records(number_summary(schema, t)) for n, t in self.groups.items()},
            "categories": {
                n: _records(category_summary(schema, t)) for n, t in self.groups.items()
            },
            "missing": _records(missingness(schema, self.groups)),
            "findings": _records(finding_table(self.cohort)),
        }


def summarize_file(
    path: str | Path,
    schema: Schema | None = None,
    *,
    labels: Labels = "complete",
    switches: Collection[str] = (),
) -> CohortSummary:
    """Reads a table once; returns its rows before and after the filters. See `load_cohort`.

    Raises:
        InputError: as in `load_cohort`.
    """
    schema = schema or load_schema()
    sheet = read_file(path, schema)
    cohort = filter_sheet(sheet, schema, labels=labels, switches=switches)
    return CohortSummary(str(path), parse_sessions(sheet, schema, switches=switches).table, cohort)


def number_summary(schema: Schema, table: pd.DataFrame) -> pd.DataFrame:
    """Returns one row per continuous variable: moments and quartiles of the known values.

    Columns: section, variable, title, unit, known, missing, mean, sd, min, q1, median, q3, max,
    skew. Regression tasks are included; tasks with levels are categories.
    """
    first, tasks, rest = schema.sections
    rows = [(first, d.name, d.title, d.unit) for d in schema.derived]
    rows += [
        (tasks if c.role == "task" else rest, c.english, c.title, c.unit)
        for c in schema.read.values()
        if c.kind == "number" and not _levels(c)
    ]
    frame = pd.DataFrame(rows, columns=["section", "variable", "title", "unit"])
    values = table[frame["variable"].tolist()].astype(float)
    moments = {
        "known": values.count(),
        "missing": values.isna().sum(),
        "mean": values.mean(),
        "sd": values.std(),
        "min": values.min(),
        "q1": values.quantile(0.25),
        "median": values.median(),
        "q3": values.quantile(0.75),
        "max": values.max(),
        "skew": values.skew(),
    }
    return frame.join(pd.DataFrame(moments), on="variable")


def category_summary(schema: Schema, table: pd.DataFrame) -> pd.DataFrame:
    """Returns one row per level of each categorical variable, counted over the known values.

    Columns: section, variable, title, level, label, count, known, share. Each code of a list of
    codes is a level; a patient may have several codes or none.
    """
    first, tasks, rest = schema.sections
    rows = []
    for column in schema.read.values():
        section = {"feature": first, "task": tasks}.get(column.role, rest)
        for level, label in _levels(column).items():
            if column.kind == "code_list":
                values = table[f"{column.flags}_{level}"]
                hit = values == 1
            else:
                values = table[column.english]
                hit = values == (float(level) if column.kind in ("number", "flag") else level)
            known = int(values.notna().sum())
            share = hit.sum() / known if known else np.nan
            row = (section, column.english, column.title, level, label, int(hit.sum()), known)
            rows.append((*row, share))
    names = ["section", "variable", "title", "level", "label", "count", "known", "share"]
    return pd.DataFrame(rows, columns=names)


def table_one(schema: Schema, groups: Tables, *, rare: float = 0.0) -> pd.DataFrame:
    """Returns the first table of a paper: section, variable, title, level, one text per group.

    A continuous variable is shown as mean ± SD, or as median (first to third quartile) if it is
    skewed in the last group. A category is shown as n (%) of the known values.

    Args:
        schema: of the tables.
        groups: rows to compare, the most important last.
        rare: codes of a list with a smaller share in the last group are left out.
    """
    result = pd.concat([_continuous(schema, groups), _counted(schema, groups, rare)])
    order = [*(d.name for d in schema.derived), *schema.read]
    result["place"] = result["variable"].map(order.index)
    result["part"] = result["section"].map(schema.sections.index)
    result = result.sort_values(["part", "place"], kind="stable", ignore_index=True)
    return result[["section", "variable", "title", "level", *groups]]


def _continuous(schema: Schema, groups: Tables) -> pd.DataFrame:
    moments = {name: number_summary(schema, table) for name, table in groups.items()}
    *_, last = moments.values()
    skewed = ~(last["skew"].abs() <= _SKEWED)
    result = last[["section", "variable"]].copy()
    result["title"] = [_named(t, u) for t, u in zip(last["title"], last["unit"], strict=True)]
    result["level"] = np.where(skewed, "median (IQR)", "mean ± SD")
    for name, frame in moments.items():
        rows = zip(frame.to_dict("records"), skewed, strict=True)
        result[name] = [_spread(row, skewed=bool(is_skewed)) for row, is_skewed in rows]
    return result


def _counted(schema: Schema, groups: Tables, rare: float) -> pd.DataFrame:
    counts = {name: category_summary(schema, table) for name, table in groups.items()}
    *_, last = counts.values()
    result = last[["section", "variable", "title"]].assign(level=last["label"])
    for name, frame in counts.items():
        known = frame["known"] > 0
        texts = frame["count"].map("{:,}".format) + frame["share"].map(" ({:.1%})".format)
        result[name] = texts.where(known, "-")
    lists = [c.english for c in schema.read.values() if c.kind == "code_list"]
    return result[~(last["variable"].isin(lists) & (last["share"] < rare))]


def missingness(schema: Schema, groups: Tables) -> pd.DataFrame:
    """Returns one row per column with missing values in any group: variable, title, counts.

    Each group has two columns: its name (the count), and its name with ` share` (the share).
    """
    columns = {c.table_columns[0]: c for c in schema.read.values()}
    frame = pd.DataFrame({
        "variable": {name: c.english for name, c in columns.items()},
        "title": {name: c.title for name, c in columns.items()},
    })  # fmt: skip
    for name, table in groups.items():
        frame[name] = table[list(columns)].isna().sum()
        frame[f"{name} share"] = frame[name] / max(len(table), 1)
    *_, last = groups
    some = frame[frame[list(groups)].sum(axis=1) > 0]
    return some.sort_values(last, ascending=False, kind="stable").reset_index(drop=True)


def attrition_table(cohort: Cohort) -> pd.DataFrame:
    """Returns the attrition, one row per rule: rule, removed, left."""
    steps = [(step.rule, step.removed, step.left) for step in cohort.attrition.steps]
    start = ("rows with any value", 0, cohort.attrition.start)
    return pd.DataFrame([start, *steps], columns=["rule", "removed", "left"])


def finding_table(cohort: Cohort) -> pd.DataFrame:
    """Returns one row per finding: column, problem, count, row and value of the first cell."""
    rows = [(f.column, f.problem, f.count, f.row, f.value) for f in cohort.findings]
    return pd.DataFrame(rows, columns=["column", "problem", "count", "row", "value"])


def _levels(column: Column) -> dict[str, str]:
    """Returns level -> label; empty for a continuous variable, a date or a text."""
    if column.kind in ("category", "one_hot", "code_list"):
        return dict(column.codes)
    if column.kind == "flag":
        return {level: column.meaning(float(level)) for level in ("0", "1")}
    if column.task is None or not column.task.levels:
        return {}
    levels = [level_text(level) for level in column.task.levels]
    return {level: column.codes.get(level, f"{level} {column.unit}".strip()) for level in levels}


def _named(title: str, unit: str) -> str:
    return title if not unit or unit in title.lower().split() else f"{title}, {unit}"


def _spread(row: Mapping[Hashable, Any], *, skewed: bool) -> str:
    if not row["known"]:
        return "-"
    quartiles = [row["q1"], row["median"], row["q3"]]
    size = max(abs(row["mean"]), row["sd"])
    digits = sum(size < limit for limit in _DIGITS)
    if (skewed or row["min"] == row["max"]) and all(value == round(value) for value in quartiles):
        digits = 0
    if row["min"] == row["max"]:
        return f"{row['median']:.{digits}f} in all"
    if skewed:
        low, middle, high = (f"{value:.{digits}f}" for value in quartiles)
        return f"{middle} ({low}–{high})"
    return f"{row['mean']:.{digits}f} ± {row['sd']:.{digits}f}"


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Returns the rows as plain data; None replaces missing values because JSON has no NaN."""
    cells = frame.astype(object)
    return [
        {str(name): value for name, value in row.items()}
        for row in cells.where(frame.notna(), None).to_dict("records")
    ]
