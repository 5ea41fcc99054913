"""The last screen of a study: the comparison as tables, and the verdict in words."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hemomodel.schema.entries import Task
from study.analysis.comparison.verdict import held_out_phrase

__all__ = ["show_comparison"]

_COLUMNS = 5  # arms that fit beside the tasks' names in 80 characters
_SENTENCES = 9  # more than a person reads on a screen


def show_comparison(console: Console, comparison: dict[str, Any], tasks: tuple[Task, ...]) -> None:
    """Prints the comparison."""
    console.print()
    console.print(_arms(comparison))
    console.print(_failed(comparison), markup=False, highlight=False)
    console.print(_tasks(comparison, tasks))
    console.print()
    console.print(_legend(comparison), style="dim", markup=False, highlight=False)
    console.print()
    for line in _sentences(comparison["differences"]):
        console.print(f"- {line}", markup=False, highlight=False)
    console.print(comparison["verdict"], style="bold", markup=False, highlight=False)


def _sentences(differences: list[dict[str, Any]]) -> list[str]:
    """Returns a sentence for each comparison; of many, only for those that tell two arms apart."""
    if len(differences) <= _SENTENCES:
        return [one["verdict"] for one in differences]
    told = [one["verdict"] for one in differences if one["distinguishable"]]
    rest = len(differences) - len(told)
    other = "other comparisons" if told else "comparisons"
    return [*told, f"{rest} {other} do not tell two arms apart; the report has them all."]


def _legend(comparison: dict[str, Any]) -> str:
    replicates, unit = comparison["replicates"], comparison.get("unit", "rows")
    return (
        "s: seconds a trial. Score: mean over tasks of the skill, the share of the trivial "
        f"predictor's loss removed, on {held_out_phrase(comparison)}; {replicates} replicates on "
        f"{len(comparison['fresh_seeds'])} fresh seeds. Intervals: bootstrap over {unit}, seeds "
        "and each arm's trials; those of the differences hold together at "
        f"{comparison['level']:.0%}; * marks a difference: zero lies outside and the corrected "
        "resampled t-test with Holm's adjustment agrees."
    )


def _arms(comparison: dict[str, Any]) -> Table:
    base = next(iter(comparison["baselines"]))
    against = {one["arm"]: one for one in comparison["differences"] if one["baseline"] == base}
    table = _table("Balancers on held-out rows")
    table.add_column("balancer", no_wrap=True)
    for title in (
        f"score [{comparison['level']:.0%} interval]",
        f"difference to {base}",
        "trials",
        "s",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    ranked = sorted(comparison["arms"], key=lambda arm: -arm["score"]["estimate"])
    for arm in ranked:
        seconds = arm["seconds_per_trial"]
        table.add_row(
            arm["arm"],
            _plain(arm["score"]),
            _difference(against.get(arm["arm"])),
            str(sum(arm["trials"].values())),
            "-" if seconds is None else f"{seconds:.2f}",
        )
    for arm in comparison["missing"]:
        table.add_row(arm["arm"], "no score", "-", str(arm["trials"]), "-")
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


def _failed(comparison: dict[str, Any]) -> str:
    counts = [
        f"{arm['arm']} {arm['failed']}"
        for arm in (*comparison["arms"], *comparison["missing"])
        if arm["failed"]
    ]
    return f"Failed trials, counted as such: {', '.join(counts)}." if counts else ""


def _tasks(comparison: dict[str, Any], tasks: tuple[Task, ...]) -> Table:
    arms = sorted(comparison["arms"], key=lambda arm: -arm["score"]["estimate"])
    few = len(arms) <= _COLUMNS
    table = _table("Skill on each task" if few else f"Skill on each task, the {_COLUMNS} best arms")
    table.add_column("task", no_wrap=True)
    shown = comparison["arms"] if few else arms[:_COLUMNS]
    for arm in shown:
        table.add_column(arm["arm"], justify="right")
    for task in tasks:
        skills = [arm["tasks"][task.name]["skill"]["estimate"] for arm in shown]
        cells = [f"{skill:+.3f}" for skill in skills]
        table.add_row(escape(f"{task.second_title} {task.name.replace('_', ' ')}".strip()), *cells)
    return table


def _plain(interval: dict[str, float]) -> str:
    return f"{interval['estimate']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _difference(one: dict[str, Any] | None) -> str:
    if one is None:
        return "-"
    said = f"{one['estimate']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
    return f"[bold]{said} *[/bold]" if one["distinguishable"] else said
