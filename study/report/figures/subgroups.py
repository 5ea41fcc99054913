"""The figure of mean skill per subgroup."""

from typing import Any

from study.analysis.held_out.subgroup_skill import MEAN_TASK
from study.report.components.figure import Figure, Trace, row_layout
from study.report.components.palette import arm_style
from study.report.formatting import bilingual, escape_label, interval, number
from study.report.load import LoadedStudy
from study.report.tables.subgroups import records, row_interval

__all__ = ["subgroup_figure"]


def subgroup_figure(study: LoadedStudy, arm: str) -> Figure:
    """Draws an arm's mean skill on each subgroup, with its interval."""
    table = study.tables["subgroups"]
    rows = table[(table["arm"] == arm) & (table["task"] == MEAN_TASK) & table["estimate"].notna()]
    style = arm_style(arm)
    data: list[Trace] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": rows["estimate"].tolist(),
            "y": list(range(len(rows))),
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": (rows["high"] - rows["estimate"]).tolist(),
                "arrayminus": (rows["estimate"] - rows["low"]).tolist(),
                "color": style.colour,
                "thickness": 2,
                "width": 0,
            },
            "marker": {"color": style.colour, "symbol": style.marker, "size": 9},
            "hovertext": [
                escape_label(f"{row['level']}: {interval(row_interval(row))}")
                for row in records(rows)
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
    ]
    names = [escape_label(_name(row)) for row in records(rows)]
    layout = row_layout(names)
    layout["xaxis"] = {"title": {"text": "mean skill over the tasks"}}
    return Figure("subgroups", f"Mean skill of {arm} by subgroup", data, layout, arm=arm)


def _name(row: dict[str, Any]) -> str:
    title = bilingual(row["title"], row["title_zh"])
    return f"{title}: {row['level']} ({number(row['rows'], 0)})"
