"""The table of skill per subgroup and task."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from study.analysis.held_out.subgroup_skill import MEAN_TASK
from study.analysis.held_out.subgroups import MIN_UNITS
from study.analysis.statistics.interval import Interval
from study.report.components.blocks import Cell, Table, interval_cell, task_header
from study.report.formatting import bilingual, number
from study.report.load import LoadedStudy

__all__ = ["records", "row_interval", "subgroup_table"]


def subgroup_table(study: LoadedStudy, arm: str, *, folded: bool = True) -> Table:
    """Returns one row per level of a subgroup column, and one column per task."""
    table = study.tables["subgroups"]
    tasks = list(dict.fromkeys(table["task"]))
    heads = [Cell("mean skill")]
    heads += [task_header(study.task(name)) for name in tasks if name != MEAN_TASK]
    lines: list[tuple[Cell, ...]] = []
    arm_rows = table[table["arm"] == arm]
    for (_, title, title_zh), part in arm_rows.groupby(
        ["subgroup", "title", "title_zh"], sort=False
    ):
        lines.append((Cell(bilingual(str(title), str(title_zh))),))
        lines += [_line(str(level), rows) for level, rows in part.groupby("level", sort=False)]
    unit = study.comparison.unit
    note = (
        f"Skill with its {study.level} interval (bootstrap over {unit}; the networks stay the "
        "same), relative to the base rates and means of all rows. Subgroups of fewer than "
        f"{MIN_UNITS} {unit} are merged with others or not shown. A dash: fewer than {MIN_UNITS} "
        "have a label."
    )
    columns = (Cell("subgroup"), Cell("rows"), *heads)
    return Table(f"Skill of {arm} by subgroup", columns, tuple(lines), note, folded=folded)


def _line(level: str, rows: pd.DataFrame) -> tuple[Cell, ...]:
    *by_task, mean = sorted(records(rows), key=lambda row: row["task"] == MEAN_TASK)
    count = number(mean["rows"], 0) if mean["rows"] else ""
    return Cell(level), Cell(count), _cell(mean), *map(_cell, by_task)


def _cell(row: dict[str, Any]) -> Cell:
    return Cell("–") if pd.isna(row["estimate"]) else interval_cell(row_interval(row), 2)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns the rows of a table as dicts of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def row_interval(row: Mapping[str, Any]) -> Interval:
    """Returns the estimate of a row with its interval."""
    return Interval(row["estimate"], row["low"], row["high"])
