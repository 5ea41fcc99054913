"""The figure of mean skill per subgroup."""

from typing import Any

from study.analysis.held_out.subgroup_skill import MEAN_TASK
from study.report.components.figure import Figure, Trace, row_layout
from study.report.components.palette import arm_style
from study.report.formatting import bilingual, escape_label, interval, number
from study.report.load import LoadedStudy
from study.report.tables.subgroups import records

__all__ = ["subgroup_figure"]


def subgroup_figure(study: LoadedStudy, arm: str) -> Figure:
    """Draws an arm's mean skill on each kind of rows, with its interval."""
    table = study.tables["subgroups"]
    own = table[(table["arm"] == arm) & (table["task"] == MEAN_TASK) & table["estimate"].notna()]
    style = arm_style(arm)
    data: list[Trace] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": own["estimate"].tolist(),
            "y": list(range(len(own))),
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": (own["high"] - own["estimate"]).tolist(),
                "arrayminus": (own["estimate"] - own["low"]).tolist(),
                "color": style.colour,
                "thickness": 2,
                "width": 0,
            },
            "marker": {"color": style.colour, "symbol": style.marker, "size": 9},
            "hovertext": [escape_label(f"{row['level']}: {interval(row)}") for row in records(own)],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
    ]
    names = [escape_label(_name(row)) for row in records(own)]
    layout = row_layout(names)
    layout["xaxis"] = {"title": {"text": "mean skill over the tasks"}}
    return Figure("subgroups", f"Mean skill of {arm} on kinds of rows", data, layout, arm=arm)


def _name(row: dict[str, Any]) -> str:
    title = bilingual(row["title"], row["title_zh"])
    return f"{title}: {row['level']} ({number(row['rows'], 0)})"
