"""The tables with one row per model and one column per task, and Table 1 of the cohort."""

from collections.abc import Callable, Sequence

import pandas as pd

from hemomodel.schema.entries import Task
from hemomodel.schema.schema import Schema
from study.analysis.comparison.arm_result import ArmResult, TaskResult
from study.report.components.blocks import Cell, Table, interval_cell
from study.report.formatting import model_title, number, percent, unit_text, with_size
from study.report.load import LoadedStudy

__all__ = ["clinical_table", "first_table", "loss_table", "skill_table"]

_CONTINUOUS = {"mean ± SD", "median (IQR)"}


def clinical_table(study: LoadedStudy) -> Table:
    """Returns the accuracy of classes and the errors of values in the task's unit."""

    def cell(result: TaskResult) -> Cell:
        figures = result.metrics
        if "rmse" in figures:
            return Cell(with_size(figures["rmse"]), f"MAE {with_size(figures.get('mae'))}")
        balanced = f"bal. {percent(figures.get('balanced_accuracy'))}"
        far = figures.get("ordinal_mae")
        small = balanced if far is None else f"{balanced}, dist. {number(far, 2)}"
        return Cell(percent(figures.get("accuracy")), small)

    note = (
        "Classes: accuracy and, below it, balanced accuracy (bal.), the mean of the accuracies of "
        "the classes. Ordered classes: also the mean distance from the true level, in levels "
        "(dist.). Values: root mean square error and mean absolute error (MAE), in the unit of "
        "the task. Bold: the balancer with the greatest skill in the column."
    )
    return _by_task(study, "Accuracy and errors per task", cell, note)


def skill_table(study: LoadedStudy) -> Table:
    """Returns the skill of each task with its interval."""

    def cell(result: TaskResult) -> Cell:
        return interval_cell(result.skill, 2)

    draws = f"bootstrap over {study.comparison.unit}, seeds and trials"
    note = f"Skill of each task with its {study.level} interval ({draws})."
    return _by_task(study, "Skill with its interval", cell, note, folded=True)


def loss_table(study: LoadedStudy) -> Table:
    """Returns cross-entropy or R² of each task, with the regret."""

    def cell(result: TaskResult) -> Cell:
        figures = result.metrics
        regret = figures.get("regret")
        small = "" if regret is None else f"regret {number(regret, 3 if regret < 1 else 1)}"
        if "rmse" in figures:
            return Cell(f"R² {number(figures.get('r2'), 2)}", small)
        return Cell(number(figures.get("cross_entropy"), 3), small)

    note = "Classes: cross-entropy in nats. Values: R². Regret: in nats, or in the squared unit."
    return _by_task(study, "Losses and regret", cell, note, folded=True)


def _by_task(
    study: LoadedStudy,
    title: str,
    cell: Callable[[TaskResult], Cell],
    note: str,
    *,
    folded: bool = False,
) -> Table:
    """Returns one row per model and one column per task."""
    heads = [
        Cell(
            task.second_title or task.title,
            _unit_line(task) if task.second_title else unit_text(task),
        )
        for task in study.tasks
    ]
    winners = {task.name: _winner(study.arms, task.name) for task in study.tasks}
    rows = []
    entries = [(arm.name, arm.tasks, "") for arm in study.arms]
    entries += [(model_title(model.name), model.tasks, "reference") for model in study.references]
    for name, results, small in entries:
        cells = [Cell(name, small)]
        for task in study.tasks:
            made = cell(results.get(task.name, TaskResult()))
            cells.append(Cell(made.text, made.small, best=winners[task.name] == name))
        rows.append(tuple(cells))
    return Table(title, (Cell("balancer"), *heads), tuple(rows), note, folded=folded, arms=True)


def _unit_line(task: Task) -> str:
    return f"{task.title}, {unit_text(task)}" if unit_text(task) else task.title


def _winner(arms: Sequence[ArmResult], task: str) -> str | None:
    """Returns the arm with the greatest skill on a task, or None if only one has a skill."""
    skills = {
        arm.name: skill
        for arm in arms
        if (skill := arm.tasks.get(task, TaskResult()).skill_estimate) is not None
    }
    return max(skills, key=lambda name: skills[name]) if len(skills) > 1 else None


def first_table(frame: pd.DataFrame, schema: Schema | None) -> Table:
    """Returns Table 1: one line per continuous variable, one line per level of a category.

    Args:
        frame: the result of `hemomodel.cohort.summary.table_one`.
        schema: the schema of the table, or None if it cannot be read.
    """
    second = {} if schema is None else schema.second_titles
    groups = [c for c in frame.columns if c not in ("section", "variable", "title", "level")]
    rows: list[tuple[Cell, ...]] = []
    for section, part in frame.groupby("section", sort=False):
        rows.append((Cell(str(section)),))
        for (name, title), lines in part.groupby(["variable", "title"], sort=False):
            rows += _variable(f"{second.get(str(name), '')} {title}".strip(), lines, groups)
    titles = (Cell(""), *(Cell(str(group)) for group in groups))
    note = "Mean ± SD, or median (quartiles) if skewed; n (%) of the known values."
    title = "Table 1. The cohort" if schema is None else f"Table 1. {schema.title}"
    return Table(title, titles, tuple(rows), note, style="dense")


def _variable(title: str, lines: pd.DataFrame, groups: list[str]) -> list[tuple[Cell, ...]]:
    texts = [tuple(Cell(str(text)) for text in row) for row in lines[groups].to_numpy()]
    levels = [str(level) for level in lines["level"]]
    if set(levels) <= _CONTINUOUS:
        return [(Cell(title, levels[0]), *texts[0])]
    empty = tuple(Cell("") for _ in groups)
    under = [(Cell(f"\u2003{level}"), *row) for level, row in zip(levels, texts, strict=True)]
    return [(Cell(title), *empty), *under]
