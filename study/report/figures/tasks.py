"""The figure of every arm on every task."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hemomodel.schema.entries import Task
from study.analysis.comparison.arm_result import TaskResult
from study.report.components.figure import Figure, heat_map, heat_rows
from study.report.formatting import escape_label, interval, model_title, task_title
from study.report.load import LoadedStudy

__all__ = ["skill_heat_map", "task_axis"]

_FLOOR = 0.2  # a narrower scale would exaggerate small values
_COLORBAR = {
    "orientation": "h",
    "thickness": 8,
    "len": 0.4,
    "x": 1,
    "xanchor": "right",
    "y": 0,
    "yanchor": "top",
    "ypad": 14,
    "outlinewidth": 0,
    "title": {"text": "skill", "side": "top", "font": {"size": 11}},
}


def skill_heat_map(study: LoadedStudy) -> Figure:
    """Draws the skill of each arm and each reference model on each task."""
    names = [*study.names, *(model_title(model.name) for model in study.references)]
    tables = [arm.tasks for arm in study.arms] + [model.tasks for model in study.references]
    results = [[table.get(task.name, TaskResult()) for task in study.tasks] for table in tables]
    skills = [[result.skill_estimate for result in row] for row in results]
    hover = [
        [f"{escape_label(name)}, {escape_label(task_title(task))}<br>"
         f"skill {interval(result.skill)}"
         for task, result in zip(study.tasks, row, strict=True)]
        for name, row in zip(names, results, strict=True)
    ]  # fmt: skip
    known = np.abs(np.array(skills, dtype=float))
    limit = max(_FLOOR, float(np.nanquantile(known, 0.9)) if np.isfinite(known).any() else 0)
    drawn = {**heat_map(skills, hover, limit), "showscale": True, "colorbar": _COLORBAR}
    layout = {
        "height": 28 * len(names) + 190,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 70},
        "xaxis": task_axis(study.tasks),
        "yaxis": heat_rows([escape_label(name) for name in names]),
    }
    return Figure("tasks", "Skill of each balancer on each task", [drawn], layout, min_width=980)


def task_axis(tasks: Sequence[Task]) -> dict[str, Any]:
    """Returns an axis on top of a figure, with one column per task."""
    return {
        "side": "top",
        "tickvals": list(range(len(tasks))),
        "ticktext": ["<br>".join(_lines(task)) for task in tasks],
        "tickangle": 0,
        "showgrid": False,
        "ticks": "",
    }


def _lines(task: Task) -> list[str]:
    """Returns a task's title in the second language, if any, and in English in short lines."""
    second = [escape_label(task.second_title)] if task.second_title else []
    return [*second, *_wrap(escape_label(task.title))]


def _wrap(text: str, width: int = 13) -> list[str]:
    """Breaks a title into lines at spaces."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
