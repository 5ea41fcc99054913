"""The last screen of a study: the comparison as tables, and the verdict in words."""

import io
import re
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hemomodel.schema import Task

__all__ = ["comparison_svg", "show_comparison"]


def show_comparison(console: Console, comparison: dict[str, Any], tasks: tuple[Task, ...]) -> None:
    """Prints the comparison."""
    console.print()
    console.print(_arms(comparison))
    console.print()
    console.print(_tasks(comparison, tasks))
    console.print()
    rows, replicates = comparison["held_out_rows"], comparison["replicates"]
    console.print(
        f"Score: mean over tasks of the skill, the share of the trivial predictor's loss removed, "
        f"on {rows} held-out rows; {replicates} replicates on {len(comparison['fresh_seeds'])} "
        f"fresh seeds. Intervals: two-level bootstrap over rows and seeds; those of the "
        f"differences hold together at {comparison['level']:.0%}; * marks those without zero. "
        f"Another search would find other networks: that luck is not in the intervals.",
        style="dim",
        highlight=False,
    )
    console.print()
    for arm in comparison["arms"]:
        if arm["difference"] is not None:
            console.print(f"- {arm['verdict']}", highlight=False)
    console.print(f"[bold]{comparison['verdict']}[/bold]", highlight=False)


def comparison_svg(comparison: dict[str, Any], tasks: tuple[Task, ...]) -> str:
    """Returns the last screen as an SVG picture."""
    console = Console(record=True, width=86, file=io.StringIO())
    show_comparison(console, comparison, tasks)
    svg = console.export_svg(title="python scripts/search.py --trials 200")
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # nothing from a network


def _arms(comparison: dict[str, Any]) -> Table:
    base = comparison["baseline"]
    table = _table("Balancers on held-out rows")
    table.add_column("balancer", no_wrap=True)
    for title in ("score [95% interval]", f"difference to {base}", "trials", "s/trial"):
        table.add_column(title, justify="right", no_wrap=True)
    ranked = sorted(comparison["arms"], key=lambda arm: -arm["score"]["estimate"])
    for arm in ranked:
        difference = "-" if arm["difference"] is None else _signed(arm["difference"])
        table.add_row(
            arm["arm"],
            _plain(arm["score"]),
            f"[bold]{difference} *[/bold]" if arm["distinguishable"] else difference,
            _trials(arm["trials"]),
            "-" if arm["seconds_per_trial"] is None else f"{arm['seconds_per_trial']:.2f}",
        )
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


def _trials(states: dict[str, int]) -> str:
    failed = states.get("failed", 0)
    return str(sum(states.values())) + (f" ({failed} failed)" if failed else "")


def _tasks(comparison: dict[str, Any], tasks: tuple[Task, ...]) -> Table:
    table = _table("Skill on each task")
    table.add_column("task", no_wrap=True)
    for arm in comparison["arms"]:
        table.add_column(arm["arm"], justify="right")
    for task in tasks:
        skills = [arm["tasks"][task.name]["skill"]["estimate"] for arm in comparison["arms"]]
        cells = [f"{skill:+.3f}" for skill in skills]
        table.add_row(task.name.replace("_", " "), *cells)
    return table


def _plain(interval: dict[str, float]) -> str:
    return f"{interval['estimate']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _signed(interval: dict[str, float]) -> str:
    return f"{interval['estimate']:+.3f} [{interval['low']:+.3f}, {interval['high']:+.3f}]"
