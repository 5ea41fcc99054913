"""Writes the comparison as Markdown, with the special characters of names escaped."""

from collections.abc import Iterable, Sequence

from hemomodel.schema.entries import Task
from study.analysis.comparison.arm_result import TaskResult
from study.analysis.comparison.result import Comparison
from study.analysis.statistics.interval import Interval
from study.report.formatting import (
    ascii_minus,
    interval,
    markdown_table,
    model_title,
    number,
    strip_markup,
    task_title,
)

__all__ = [
    "arms_markdown",
    "differences_markdown",
    "leaderboard_markdown",
    "verdict_markdown",
]


def verdict_markdown(comparison: Comparison) -> str:
    """Returns the verdict, with the score, rows and replicates behind it."""
    seeds = len(comparison.fresh_seeds)
    basis = (
        f"Score: {comparison.score}, on {comparison.held_out}, over "
        f"{comparison.replicates} replicates ({seeds} fresh seeds). "
        f"Intervals: {comparison.level:.0%}."
    )
    return f"**Verdict.** {strip_markup(comparison.verdict)}\n\n{strip_markup(basis)}"


def arms_markdown(comparison: Comparison) -> str:
    """Returns one row per arm, the best first: scores, states of its trials, cost."""
    rows = []
    for arm in comparison.ranked:
        worst = arm.worst_task
        rows.append(
            (
                arm.name,
                _interval(arm.score),
                _interval(arm.regret),
                _interval(arm.delta_m, 1),
                _number(arm.mean_rank, 1),
                f"{worst.task} ({_number(worst.skill)})" if worst else "–",
                ", ".join(f"{count} {state}" for state, count in arm.trials.items()),
                _number(arm.seconds_per_trial, 1),
            )
        )
    header = ("balancer", "score", "regret", "improvement on single_task, %", "mean rank",
              "worst task", "trials", "seconds per trial")  # fmt: skip
    return _table(header, rows)


def differences_markdown(comparison: Comparison) -> str:
    """Returns every difference with its tests and its verdict, and the comparison of ranks."""
    rows = [
        (
            gap.arm,
            gap.baseline,
            _interval(gap.interval, sign=True),
            _number(gap.p_value),
            _number(gap.p_holm),
            _number(gap.probability_of_improvement, 2),
            gap.verdict,
        )
        for gap in comparison.differences
    ]
    header = ("balancer", "baseline", "difference", "p", "p (Holm)", "P(improvement)", "verdict")
    ranks = comparison.ranks
    if ranks is None:  # one arm has no ranks
        return _table(header, rows)
    groups = "; ".join(", ".join(group) for group in ranks.groups)
    sentence = (
        f"Ranks over {ranks.blocks} blocks: Friedman p = {_number(ranks.friedman_p)}, "
        f"critical difference {_number(ranks.critical_difference, 2)}. "
        f"Groups without significant difference: {groups or 'none'}."
    )
    return f"{_table(header, rows)}\n\n{strip_markup(sentence)}"


def leaderboard_markdown(comparison: Comparison, known: Sequence[Task] = ()) -> str:
    """Returns the skill of every arm and reference model per task; the best arm is marked.

    Args:
        comparison: the comparison of the study.
        known: tasks; their titles are shown with their names.
    """
    tasks = list(comparison.arms[0].tasks)
    skill = {
        arm.name: [arm.tasks[task].skill_estimate for task in tasks] for arm in comparison.ranked
    }
    best = [
        max((value for value in column if value is not None), default=None)
        for column in zip(*skill.values(), strict=True)
    ]
    rows = [
        (name, *(f"{_number(value)} (best)" if value == top else _number(value)
                 for value, top in zip(values, best, strict=True)))
        for name, values in skill.items()
    ]  # fmt: skip
    for model in comparison.references:
        values = [model.tasks.get(task, TaskResult()).skill_estimate for task in tasks]
        rows.append((f"{model_title(model.name)}, reference", *map(_number, values)))
    titles = {task.name: f"{task_title(task)} ({task.name})" for task in known}
    return _table(("balancer", *(titles.get(task, task) for task in tasks)), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [[strip_markup(cell) for cell in row] for row in (header, *rows)]
    return markdown_table(cells[0], cells[1:])


def _number(value: float | None, digits: int = 3) -> str:
    return ascii_minus(number(value, digits))


def _interval(value: Interval | None, digits: int = 3, *, sign: bool = False) -> str:
    return ascii_minus(interval(value, digits, sign=sign, form="{} ({} to {})"))
