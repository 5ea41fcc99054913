"""Kinds of rows scored apart: a figure of mean skill, and every task in a table."""

from typing import Any

import pandas as pd

from study.apart import MEAN
from study.colours import look
from study.report.blocks import Cell, Table, head, spread
from study.report.plot import Figure, Trace, rows
from study.report.reading import Study
from study.report.words import both, interval, label, number
from study.subgroups import LEAST

__all__ = ["subgroup_figure", "subgroup_table"]


def subgroup_figure(study: Study, arm: str) -> Figure:
    """Draws an arm's mean skill on each kind of rows, with its interval."""
    table = study.tables["subgroups"]
    own = table[(table["arm"] == arm) & (table["task"] == MEAN) & table["estimate"].notna()]
    style = look(arm)
    data: list[Trace] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": own["estimate"].tolist(),
            "y": list(range(len(own))),
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": (own["high"] - own["estimate"]).tolist(),
                "arrayminus": (own["estimate"] - own["low"]).tolist(),
                "color": style.colour,
                "thickness": 2,
                "width": 0,
            },
            "marker": {"color": style.colour, "symbol": style.marker, "size": 9},
            "hovertext": [label(f"{row['level']}: {interval(row)}") for row in _records(own)],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
    ]
    names = [label(_name(row)) for row in _records(own)]
    layout = rows(names)
    layout["xaxis"] = {"title": {"text": "mean skill over the tasks"}}
    return Figure("subgroups", f"Mean skill of {arm} on kinds of rows", data, layout, arm=arm)


def _name(row: dict[str, Any]) -> str:
    title = both(row["title"], row["title_zh"])
    return f"{title}: {row['level']} ({number(row['rows'], 0)})"


def subgroup_table(study: Study, arm: str, *, folded: bool = True) -> Table:
    """Returns one row a kind of rows, and one column a task; a heading a subgroup."""
    table = study.tables["subgroups"]
    tasks = list(dict.fromkeys(table["task"]))
    heads = [Cell("mean skill")]
    heads += [head(study.task(name)) for name in tasks if name != MEAN]
    lines: list[tuple[Cell, ...]] = []
    own = table[table["arm"] == arm]
    for (_, title, title_zh), part in own.groupby(["subgroup", "title", "title_zh"], sort=False):
        lines.append((Cell(both(str(title), str(title_zh))),))
        lines += [_line(str(level), one) for level, one in part.groupby("level", sort=False)]
    unit = study.comparison.get("unit", "rows")
    note = (
        f"Skill with its {study.level} interval (bootstrap over {unit}, the networks held fixed), "
        f"against the base rates and means of all rows. Kinds of fewer than {LEAST} {unit} are "
        f"joined with others or not shown; a dash: labels of fewer than {LEAST}."
    )
    columns = (Cell("rows"), Cell("number"), *heads)
    return Table(f"Skill of {arm} on kinds of rows", columns, tuple(lines), note, folded=folded)


def _line(level: str, own: pd.DataFrame) -> tuple[Cell, ...]:
    *by_task, mean = sorted(_records(own), key=lambda row: row["task"] == MEAN)
    count = number(mean["rows"], 0) if mean["rows"] else ""
    return Cell(level), Cell(count), _cell(mean), *map(_cell, by_task)


def _cell(row: dict[str, Any]) -> Cell:
    return Cell("–") if pd.isna(row["estimate"]) else spread(row, 2)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
