"""The tables of a model card: inputs, outputs and scores."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hemomodel.schema.entries import Task
from hemomodel.schema.schema import Schema
from study.analysis.held_out.permutation_importance import source_columns
from study.analysis.held_out.subgroups import ALL_ROWS, MIN_UNITS
from study.report.components.blocks import Cell, Table, interval_cell, task_header
from study.report.formatting import bilingual, number, percent, unit_text, with_size
from study.report.load import LoadedStudy
from study.report.tables.subgroups import row_interval
from study.settings.analysis_plan import EXPORTED_REFERENCES

__all__ = ["attrition_table", "input_table", "output_table", "score_table"]


def output_table(tasks: tuple[Task, ...]) -> Table:
    """Returns the outputs: one row per task, named in both languages, with its levels."""
    rows = tuple(
        (Cell(bilingual(task.title, task.second_title)), Cell(task.kind), Cell(_range(task)))
        for task in tasks
    )
    columns = (Cell("task"), Cell("kind"), Cell("levels, or unit"))
    return Table("What it predicts", columns, rows, folded=True, style="words")


def _range(task: Task) -> str:
    if task.is_value:
        return unit_text(task)
    return f"{', '.join(task.meanings)} {task.unit}".strip()


def input_table(schema: Schema, feature_set: str) -> Table:
    """Returns the inputs: one row per feature, named in both languages, with its unit."""
    units = {column.english: column.unit for column in schema.read.values()}
    units |= {derived.name: derived.unit for derived in schema.derived}
    rows = tuple(
        (
            Cell(bilingual(schema.titles[name], schema.second_titles.get(name, ""))),
            Cell(units[name]),
            Cell(name),
        )
        for name in source_columns(schema, feature_set)
    )
    columns = (Cell("feature"), Cell("unit"), Cell("name in the schema"))
    return Table("What it reads", columns, rows, folded=True, style="words")


def attrition_table(ledger: Mapping[str, Any]) -> Table:
    """Returns how many rows each rule removed."""
    rows = [(Cell("rows with any value"), Cell(""), Cell(number(ledger["start"], 0)))]
    rows += [
        (Cell(step["rule"]), Cell(number(step["removed"], 0)), Cell(number(step["left"], 0)))
        for step in ledger["steps"]
    ]
    columns = (Cell("rule"), Cell("rows removed"), Cell("rows left"))
    return Table("From the file to the cohort", columns, tuple(rows))


def score_table(study: LoadedStudy, arm: str, outer_fold: int) -> Table:
    """Returns one row per task: skill with its interval, and metrics in the task's unit.

    Scores are over all outer folds; temperature and weight are those of the card's model.
    """
    scores, subgroups = study.tables["ensemble_scores"], study.tables["subgroups"]
    of_arm = scores[scores["arm"] == arm]
    of_model = of_arm["metric"].isin(["temperature", "reference_weight"])
    other = of_model & (of_arm["outer_fold"] != outer_fold)
    metrics = of_arm[~other].pivot_table(index="task", columns="metric", values="value")
    of_all = subgroups[(subgroups["arm"] == arm) & (subgroups["subgroup"] == ALL_ROWS)]
    skills = of_all.set_index("task")[["rows", "estimate", "low", "high"]]
    figures: dict[Any, Any] = skills.join(metrics).to_dict("index")
    is_blend = arm not in EXPORTED_REFERENCES and "reference_weight" in metrics
    rows = [
        (
            Cell(
                task_header(task).text,
                ", ".join(filter(None, (task_header(task).small, unit_text(task)))),
            ),
            _labelled(figures[task.name]["rows"]),
            _skill(figures[task.name]),
            *_figures(task, figures[task.name]),
            *((Cell(number(figures[task.name]["reference_weight"], 2)),) if is_blend else ()),
        )
        for task in study.tasks
        if task.name in figures
    ]
    columns: tuple[Cell, ...] = (
        Cell("task"), Cell("rows", "labelled, held out"), Cell("skill", f"{study.level} interval"),
        Cell("accuracy", "balanced"), Cell("RMSE", "MAE"), Cell("temperature"),
    )  # fmt: skip
    if is_blend:
        columns += (Cell("blend", "weight of the reference model"),)
    note = "Scores of the model after temperature scaling, on rows that it did not see."
    return Table("How well it predicts each task", columns, tuple(rows), note)


def _labelled(rows: float) -> Cell:
    return Cell(f"<{MIN_UNITS}" if pd.isna(rows) else number(rows, 0))


def _skill(row: Mapping[str, float]) -> Cell:
    if pd.isna(row["estimate"]):
        return Cell("–", "few labels")
    return interval_cell(row_interval(row), 2)


def _figures(task: Task, row: Mapping[str, float]) -> tuple[Cell, Cell, Cell]:
    if task.is_value:
        return Cell(""), Cell(with_size(row.get("rmse")), with_size(row.get("mae"))), Cell("")
    right = Cell(percent(row.get("accuracy")), percent(row.get("balanced_accuracy")))
    return right, Cell(""), Cell(number(row.get("temperature"), 2))
