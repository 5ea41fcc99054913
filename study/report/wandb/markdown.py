"""The comparison as markdown, in which every name stays text."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from hemomodel.schema.entries import Task
from study.analysis.comparison.verdict import held_out_phrase
from study.report.formatting import strip_markup, task_title

__all__ = [
    "arms_markdown",
    "differences_markdown",
    "leaderboard_markdown",
    "verdict_markdown",
]


def verdict_markdown(comparison: dict[str, Any]) -> str:
    """Returns the verdict, and what it rests on."""
    seeds = len(comparison["fresh_seeds"])
    rests = (
        f"Score: {comparison['score']}, on {held_out_phrase(comparison)}, over "
        f"{comparison['replicates']} replicates ({seeds} fresh seeds). "
        f"Intervals hold at {comparison['level']:.0%}."
    )
    return f"**Verdict.** {strip_markup(comparison['verdict'])}\n\n{strip_markup(rests)}"


def arms_markdown(comparison: dict[str, Any]) -> str:
    """Returns one row an arm, best first: scores, cost, and what became of its trials."""
    rows = [
        (
            arm["arm"],
            _interval(arm["score"]),
            _interval(arm["regret"]),
            _interval(arm["delta_m"], ".1f"),
            _number(arm["mean_rank"], ".1f"),
            f"{arm['worst_task']['task']} ({_number(arm['worst_task']['skill'])})",
            ", ".join(f"{count} {state}" for state, count in arm["trials"].items()),
            _number(arm["seconds_per_trial"], ".1f"),
        )
        for arm in _ranked(comparison)
    ]
    header = ("balancer", "score", "regret", "better than single_task, %", "mean rank",
              "worst task", "trials", "seconds a trial")  # fmt: skip
    return _table(header, rows)


def differences_markdown(comparison: dict[str, Any]) -> str:
    """Returns every difference with its tests and its verdict, and how the ranks differ."""
    rows = [
        (
            one["arm"],
            one["baseline"],
            _interval(one, "+.3f"),
            _number(one["p_value"]),
            _number(one["p_holm"]),
            _number(one["probability_of_improvement"], ".2f"),
            one["verdict"],
        )
        for one in comparison["differences"]
    ]
    header = ("balancer", "against", "difference", "p", "p (Holm)", "P(improvement)", "verdict")
    ranks = comparison["ranks"]
    if ranks is None:  # of one arm there are none
        return _table(header, rows)
    groups = "; ".join(", ".join(group) for group in ranks["groups"])
    said = (
        f"Ranks over {ranks['blocks']} blocks: Friedman p = {_number(ranks['friedman_p'])}, "
        f"critical difference {_number(ranks['critical_difference'], '.2f')}. "
        f"Not told apart: {groups or 'none'}."
    )
    return f"{_table(header, rows)}\n\n{strip_markup(said)}"


def leaderboard_markdown(comparison: dict[str, Any], known: Sequence[Task] = ()) -> str:
    """Returns the skill of every arm and reference on every task, the best arm of a task marked.

    Args:
        comparison: of the study.
        known: tasks whose titles are shown beside their names.
    """
    tasks = list(comparison["arms"][0]["tasks"])
    skill = {
        arm["arm"]: [arm["tasks"][task]["skill"]["estimate"] for task in tasks]
        for arm in _ranked(comparison)
    }
    best = [max(column) for column in zip(*skill.values(), strict=True)]
    rows = [
        (name, *(f"{_number(x)} (best)" if x == top else _number(x)
                 for x, top in zip(values, best, strict=True)))
        for name, values in skill.items()
    ]  # fmt: skip
    for one in comparison["references"]:
        found = [one["tasks"].get(task, {}).get("skill") for task in tasks]
        rows.append((f"{one['model']}, reference", *(_number(x) for x in found)))
    titles = {task.name: f"{task_title(task)} ({task.name})" for task in known}
    return _table(("balancer", *(titles.get(task, task) for task in tasks)), rows)


def _ranked(comparison: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(comparison["arms"], key=lambda arm: -arm["score"]["estimate"])


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header)]
    text = [f"| {' | '.join(map(strip_markup, line))} |" for line in (*lines, *rows)]
    return "\n".join(text)


def _number(value: float | None, form: str = ".3f") -> str:
    return "–" if value is None or math.isnan(value) else format(value, form)


def _interval(value: dict[str, Any] | None, form: str = ".3f") -> str:
    if value is None:
        return "–"
    estimate, low, high = (_number(value[key], form) for key in ("estimate", "low", "high"))
    return f"{estimate} ({low} to {high})"
