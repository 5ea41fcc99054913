"""The last screen of a study: the comparison as tables, and the verdict in sentences."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hemomodel.schema.entries import Task
from study.analysis.comparison.result import Comparison, Difference
from study.report.formatting import abbreviated, ascii_minus, interval, signed

__all__ = ["show_comparison"]

_COLUMNS = 5  # arms that fit beside the names of the tasks in 80 characters
_SENTENCES = 9  # that fit on a screen


def show_comparison(console: Console, comparison: Comparison, tasks: tuple[Task, ...]) -> None:
    """Prints the comparison."""
    console.print()
    console.print(_arms(comparison))
    console.print(_failed(comparison), markup=False, highlight=False)
    console.print(_tasks(comparison, tasks))
    console.print()
    console.print(_legend(comparison), style="dim", markup=False, highlight=False)
    console.print()
    for line in _sentences(comparison.differences):
        console.print(f"- {line}", markup=False, highlight=False)
    console.print(comparison.verdict, style="bold", markup=False, highlight=False)


def _sentences(differences: Sequence[Difference]) -> list[str]:
    """Returns a sentence per difference; of many, only for the significant ones."""
    if len(differences) <= _SENTENCES:
        return [difference.verdict for difference in differences]
    significant = [difference.verdict for difference in differences if difference.distinguishable]
    rest = len(differences) - len(significant)
    other = "other differences" if significant else "differences"
    return [*significant, f"{rest} {other} are not significant; the report lists all."]


def _legend(comparison: Comparison) -> str:
    return (
        "s: seconds per trial. Score: mean skill over the tasks, on "
        f"{comparison.held_out}; mean over {comparison.replicates} replicates with "
        f"{len(comparison.fresh_seeds)} fresh seeds. Skill: the share of the trivial predictor's "
        f"loss that the network removes. Intervals: {comparison.level:.0%}, by a bootstrap over "
        f"{comparison.unit}, seeds and the trials of each arm; together all intervals of the "
        f"differences contain the true differences with probability {comparison.level:.0%}. "
        "*: significantly different; the interval excludes zero, and "
        "the corrected resampled t-test with Holm's adjustment rejects."
    )


def _arms(comparison: Comparison) -> Table:
    base = comparison.baselines[0]
    against = {gap.arm: gap for gap in comparison.differences if gap.baseline == base}
    table = _table("Balancers on held-out rows")
    table.add_column("balancer", no_wrap=True)
    for title in (
        f"score [{comparison.level:.0%} interval]",
        f"difference to {base}",
        "trials",
        "s",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for arm in comparison.ranked:
        seconds = arm.seconds_per_trial
        table.add_row(
            arm.name,
            ascii_minus(interval(arm.score)),
            _difference(against.get(arm.name)),
            str(sum(arm.trials.values())),
            "-" if seconds is None else f"{seconds:.2f}",
        )
    for missing in comparison.missing:
        table.add_row(missing.name, "no score", "-", str(missing.trials), "-")
    return table


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )


def _failed(comparison: Comparison) -> str:
    failed = {arm.name: arm.failed for arm in comparison.arms}
    failed |= {arm.name: arm.failed for arm in comparison.missing}
    counts = [f"{name} {count}" for name, count in failed.items() if count]
    return f"Failed trials: {', '.join(counts)}." if counts else ""


def _tasks(comparison: Comparison, tasks: tuple[Task, ...]) -> Table:
    few = len(comparison.arms) <= _COLUMNS
    table = _table("Skill on each task" if few else f"Skill on each task, the {_COLUMNS} best arms")
    table.add_column("task", no_wrap=True)
    shown = comparison.arms if few else comparison.ranked[:_COLUMNS]
    for arm in shown:
        table.add_column(arm.name, justify="right")
    for task in tasks:
        skills = [signed(arm.tasks[task.name].skill_estimate) for arm in shown]
        title = escape(f"{task.second_title} {abbreviated(task.name)}".strip())
        table.add_row(title, *map(ascii_minus, skills))
    return table


def _difference(difference: Difference | None) -> str:
    if difference is None:
        return "-"
    text = ascii_minus(interval(difference.interval, sign=True))
    return f"[bold]{text} *[/bold]" if difference.distinguishable else text
