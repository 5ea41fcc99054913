"""The figure of every arm on every task."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hemomodel.schema.entries import Task
from study.report.components.figure import Figure, heat_map, heat_rows
from study.report.formatting import escape_label, interval, number, task_title
from study.report.load import LoadedStudy

__all__ = ["skill_heat_map", "task_axis"]

_FLOOR = 0.2  # a scale narrower than this would make much of nothing
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
    """Draws the skill of each arm and reference on each task."""
    entries = [*study.arms, *study.references]
    names = [*study.names, *(m["model"].replace("_", " ") for m in study.references)]
    tasks = [task.name for task in study.tasks]
    skills = [[_skill(entry, task) for task in tasks] for entry in entries]
    said = [
        [f"{escape_label(name)}, {escape_label(task_title(task))}<br>"
         f"skill {_said(entry, task.name)}"
         for task in study.tasks]
        for name, entry in zip(names, entries, strict=True)
    ]  # fmt: skip
    known = np.abs(np.array(skills, dtype=float))
    limit = max(_FLOOR, float(np.nanquantile(known, 0.9)) if np.isfinite(known).any() else 0)
    drawn = {**heat_map(skills, said, limit), "showscale": True, "colorbar": _COLORBAR}
    layout = {
        "height": 28 * len(names) + 190,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 70},
        "xaxis": task_axis(study.tasks),
        "yaxis": heat_rows([escape_label(name) for name in names]),
    }
    return Figure("tasks", "Skill of each balancer on each task", [drawn], layout, min_width=980)


def task_axis(tasks: Sequence[Task]) -> dict[str, Any]:
    """Returns an axis on top of a figure, with a column a task."""
    return {
        "side": "top",
        "tickvals": list(range(len(tasks))),
        "ticktext": ["<br>".join(_lines(task)) for task in tasks],
        "tickangle": 0,
        "showgrid": False,
        "ticks": "",
    }


def _skill(entry: dict[str, object], task: str) -> float | None:
    figures = entry["tasks"]
    skill = figures.get(task, {}).get("skill") if isinstance(figures, dict) else None
    return skill["estimate"] if isinstance(skill, dict) else skill


def _said(entry: dict[str, object], task: str) -> str:
    figures = entry["tasks"]
    skill = figures.get(task, {}).get("skill") if isinstance(figures, dict) else None
    return interval(skill) if isinstance(skill, dict) else number(skill)


def _lines(task: Task) -> list[str]:
    """Returns a task's name in the second language, if any, and its English name in short lines."""
    own = [escape_label(task.second_title)] if task.second_title else []
    return [*own, *_wrap(escape_label(task.title))]


def _wrap(text: str, width: int = 13) -> list[str]:
    """Breaks a title into lines at its blanks."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
