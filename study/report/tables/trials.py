"""The tables of trials: states, failures, finalists and cost."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from study.cli import duration
from study.report.components.blocks import Cell, Table
from study.report.formatting import number
from study.report.load import LoadedStudy
from study.report.tables.frames import failures, states

__all__ = ["MANY_ROWS", "cost", "failure_table", "finalist_table", "pairs_table", "state_table"]

MANY_ROWS = 8  # a table of details with more rows is folded


def cost(study: LoadedStudy) -> str:
    """Returns the cost of the search: time in trials, trials, optimizer steps."""
    seconds = float(study.trials["seconds"].sum())
    parts = [f"{duration(seconds)} in {len(study.trials):,} trials (summed over workers)"]
    if "steps" in study.trials:
        parts.append(f"{int(study.trials['steps'].sum()):,} optimizer steps")
    return "; ".join(parts)


def state_table(study: LoadedStudy) -> Table:
    """Returns the states of the trials of each arm, and their time."""
    frame = states(study)
    titles = tuple(Cell(str(name)) for name in ("arm", *frame.columns))
    rows = [_counts(str(name), row) for name, row in frame.iterrows()]
    rows.append(_counts("all", frame.sum()))
    note = (
        "Complete: trained to the end. Pruned: ended by the early-stopping schedule of the arm. "
        "Seconds: sum over trials."
    )
    return Table("States of the trials", titles, tuple(rows), note, arms=True)


def _counts(name: str, row: "pd.Series[Any]") -> tuple[Cell, ...]:
    return (Cell(name), *(Cell(number(float(value), 0)) for value in row))


def failure_table(study: LoadedStudy) -> Table | None:
    """Returns every failed trial with its reason, or None if no trial failed."""
    frame = failures(study)
    if frame.empty:
        return None
    rows = tuple(
        (Cell(str(row.number)), Cell(str(row.arm)), Cell(str(row.error)), Cell(_params(row.params)))
        for row in frame.itertuples(index=False)
    )
    titles = (Cell("trial"), Cell("arm"), Cell("reason"), Cell("parameters"))
    return Table("Failed trials", titles, rows, folded=len(rows) > MANY_ROWS, style="words")


def _params(text: object) -> str:
    params = json.loads(str(text))
    return ", ".join(f"{key} = {_brief(value)}" for key, value in params.items())


def _brief(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def finalist_table(study: LoadedStudy) -> Table | None:
    """Returns the configurations that were retrained, or None if there are none."""
    rows = []
    for arm in study.arms:
        for finalist in arm.finalists:
            params = ", ".join(f"{k} = {_brief(v)}" for k, v in finalist.params.items())
            rows.append(
                (
                    Cell(arm.name, "winner" if finalist.chosen else "", finalist.chosen),
                    Cell(str(finalist.outer_fold)),
                    Cell(str(finalist.trial)),
                    Cell(number(finalist.search_score)),
                    Cell(number(finalist.validation_score)),
                    Cell(str(finalist.epochs)),
                    Cell(params),
                )
            )
    if not rows:
        return None
    titles = tuple(
        Cell(name)
        for name in ("arm", "outer fold", "trial", "search score", "validation score", "epochs",
                     "parameters")
    )  # fmt: skip
    note = (
        "The best trials of each arm were retrained on fresh seeds. The one with the best "
        "validation score on these seeds is the winner of the arm. The held-out scores of the "
        "others are used only to estimate the variance of the search."
    )
    return Table("Finalists", titles, tuple(rows), note, folded=True, arms=True, style="words")


def pairs_table(title: str, pairs: Mapping[str, Any], *, folded: bool = False) -> Table:
    """Returns names and values; nested names are joined by dots."""
    rows = tuple((Cell(key), Cell(value)) for key, value in _leaves(pairs))
    return Table(title, (Cell("item"), Cell("value")), rows, folded=folded, style="words")


def _leaves(pairs: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    leaves: list[tuple[str, str]] = []
    for key, value in pairs.items():
        if isinstance(value, Mapping) and value:
            leaves += _leaves(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            leaves.append((f"{prefix}{key}", ", ".join(map(str, value)) or "none"))
        else:
            leaves.append((f"{prefix}{key}", "none" if value in (None, {}) else str(value)))
    return leaves
