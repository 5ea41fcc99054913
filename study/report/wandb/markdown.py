"""The comparison as markdown, in which every name stays text."""

from collections.abc import Iterable, Sequence

from hemomodel.schema.entries import Task
from study.analysis.comparison.arm_result import TaskResult
from study.analysis.comparison.result import Comparison
from study.analysis.statistics.interval import Interval
from study.report.formatting import (
    ascii_minus,
    interval,
    markdown_table,
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
    """Returns the verdict, and what it rests on."""
    seeds = len(comparison.fresh_seeds)
    rests = (
        f"Score: {comparison.score}, on {comparison.held_out}, over "
        f"{comparison.replicates} replicates ({seeds} fresh seeds). "
        f"Intervals hold at {comparison.level:.0%}."
    )
    return f"**Verdict.** {strip_markup(comparison.verdict)}\n\n{strip_markup(rests)}"


def arms_markdown(comparison: Comparison) -> str:
    """Returns one row an arm, best first: scores, cost, and what became of its trials."""
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
    header = ("balancer", "score", "regret", "better than single_task, %", "mean rank",
              "worst task", "trials", "seconds a trial")  # fmt: skip
    return _table(header, rows)


def differences_markdown(comparison: Comparison) -> str:
    """Returns every difference with its tests and its verdict, and how the ranks differ."""
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
    header = ("balancer", "against", "difference", "p", "p (Holm)", "P(improvement)", "verdict")
    ranks = comparison.ranks
    if ranks is None:  # of one arm there are none
        return _table(header, rows)
    groups = "; ".join(", ".join(group) for group in ranks.groups)
    sentence = (
        f"Ranks over {ranks.blocks} blocks: Friedman p = {_number(ranks.friedman_p)}, "
        f"critical difference {_number(ranks.critical_difference, 2)}. "
        f"Not told apart: {groups or 'none'}."
    )
    return f"{_table(header, rows)}\n\n{strip_markup(sentence)}"


def leaderboard_markdown(comparison: Comparison, known: Sequence[Task] = ()) -> str:
    """Returns the skill of every arm and reference on every task, the best arm of a task marked.

    Args:
        comparison: of the study.
        known: tasks whose titles are shown beside their names.
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
        rows.append((f"{model.name}, reference", *map(_number, values)))
    titles = {task.name: f"{task_title(task)} ({task.name})" for task in known}
    return _table(("balancer", *(titles.get(task, task) for task in tasks)), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [[strip_markup(cell) for cell in row] for row in (header, *rows)]
    return markdown_table(cells[0], cells[1:])


def _number(value: float | None, digits: int = 3) -> str:
    return ascii_minus(number(value, digits))


def _interval(value: Interval | None, digits: int = 3, *, sign: bool = False) -> str:
    return ascii_minus(interval(value, digits, sign=sign, form="{} ({} to {})"))
