"""The description of a cohort on the terminal."""

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hemomodel.cohort.summary import (
    CohortSummary,
    Tables,
    attrition_table,
    finding_table,
    missingness,
    table_one,
)

__all__ = ["show_summary"]

_RARE = 0.02  # by default, codes of a list below this share are left out


def show_summary(description: CohortSummary, console: Console, *, rare: bool = False) -> None:
    """Prints the attrition, the first table, and the missing and the implausible values.

    Args:
        description: the description of a file.
        console: prints the tables.
        rare: whether rare codes of a list are shown.
    """
    schema, groups = description.cohort.schema, description.groups
    header = f"[bold]{escape(schema.title)}[/]  {escape(description.source)}"
    console.print(f"\n{header}\n")
    console.print(_ledger(attrition_table(description.cohort)))
    console.print(_summary(table_one(schema, groups, rare=0.0 if rare else _RARE), groups))
    note = "" if rare else f" Codes in less than {_RARE:.0%} of the cohort's rows are left out."
    console.print(f"[dim]Mean ± SD, or median (quartiles) where skewed; n (%).{note}[/]\n")
    console.print(_missing(missingness(schema, groups), groups))
    console.print(_findings(finding_table(description.cohort)))


def _table(title: str) -> Table:
    return Table(title=title, title_style="bold", title_justify="left", box=box.SIMPLE_HEAD)


def _ledger(frame: pd.DataFrame) -> Table:
    table = _table("From the file to the cohort")
    table.add_column("rule")
    table.add_column("removed", justify="right", style="red")
    table.add_column("left", justify="right", style="bold")
    for rule, removed, left in frame.itertuples(index=False, name=None):
        table.add_row(escape(rule), f"{removed:,}" if removed else "", f"{left:,}")
    return table


def _summary(frame: pd.DataFrame, groups: Tables) -> Table:
    table = _table("The columns, before and after")
    table.add_column("")
    for name, rows in groups.items():
        table.add_column(f"{name} (n = {len(rows):,})", justify="right", no_wrap=True)
    for section, part in frame.groupby("section", sort=False):
        table.add_section()
        table.add_row(f"[bold cyan]{escape(str(section))}[/]")
        for (_, title), lines in part.groupby(["variable", "title"], sort=False):
            _add_variable(table, str(title), lines, list(groups))
    return table


def _add_variable(table: Table, title: str, lines: pd.DataFrame, groups: list[str]) -> None:
    """Adds one line for a continuous variable, or a heading and one line per level."""
    continuous = len(lines) == 1 and lines["level"].isin(["mean ± SD", "median (IQR)"]).all()
    if continuous:
        table.add_row(escape(title), *lines.iloc[0][groups])
        return
    table.add_row(escape(title))
    for level, *texts in lines[["level", *groups]].itertuples(index=False, name=None):
        table.add_row(f"   {escape(level)}", *texts)


def _missing(frame: pd.DataFrame, groups: Tables) -> Table | str:
    *_, last = groups
    shown = frame[frame[last] > 0]
    if shown.empty:
        return f"No value is missing in the {last} rows.\n"
    table = _table(f"Missing values in the {last} rows")
    table.add_column("column")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    for row in shown.to_dict("records"):
        table.add_row(escape(row["title"]), f"{row[last]:,}", f"{row[last + ' share']:.1%}")
    return table


def _findings(frame: pd.DataFrame) -> Table | str:
    if frame.empty:
        return "No value is implausible.\n"
    table = _table("Implausible values, counted and not changed (all rows)")
    table.add_column("column")
    table.add_column("problem")
    table.add_column("rows", justify="right")
    table.add_column("first")
    for column, problem, count, row, value in frame.itertuples(index=False, name=None):
        table.add_row(escape(column), escape(problem), f"{count:,}", f"row {row}: {escape(value)}")
    return table
