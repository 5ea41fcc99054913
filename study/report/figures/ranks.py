"""The critical-difference diagram of the arms' mean ranks."""

from collections.abc import Sequence
from typing import Any

from study.analysis.comparison.result import Ranks
from study.report.components.figure import Figure, Trace, row_layout
from study.report.components.palette import arm_style
from study.report.formatting import escape_label

__all__ = ["rank_figure"]


def rank_figure(ranks: Ranks) -> Figure:
    """Draws mean ranks, and a bar over each group without a significant difference.

    A critical-difference diagram (Demsar, JMLR 7, 2006), rotated by 90 degrees, so that its labels
    fit any number of arms and any screen.
    """
    means = dict(sorted(ranks.mean_ranks.items(), key=lambda item: item[1]))
    names, values = list(means), list(means.values())
    data: list[Trace] = []
    for place, (name, mean) in enumerate(means.items()):
        style = arm_style(name)
        data.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": [mean],
                "y": [place],
                "text": [f"  {mean:.2f}"],
                "textposition": "middle right",
                "textfont": {"size": 11, "color": "@muted"},
                "marker": {"color": style.colour, "symbol": style.marker, "size": 10},
                "hovertemplate": f"{escape_label(name)}: mean rank {mean:.2f}<extra></extra>",
                "meta": name,
            }
        )
    layout = row_layout([escape_label(name) for name in names], size=24)
    right = _group_bars(data, ranks.groups, names, max(values))
    low = min(values)
    layout["xaxis"] = {"title": {"text": "mean rank (1 is best)"}, "range": [low - 0.4, right]}
    layout["shapes"] = []
    if ranks.critical_difference:
        _add_scale(layout, low, ranks.critical_difference)
    return Figure("ranks", "Mean ranks and groups without significant difference", data, layout)


def _group_bars(
    data: list[Trace], groups: Sequence[Sequence[str]], names: Sequence[str], last: float
) -> float:
    """Adds a vertical bar per group, right of the points; returns the end of the axis."""
    step = 0.05 * max(last - 1, 1)
    place = last + 5 * step
    for group in groups:
        spots = [names.index(name) for name in group]
        if len(spots) > 1:
            title = escape_label(", ".join(group))
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": [place, place],
                    "y": [min(spots) - 0.18, max(spots) + 0.18],
                    "line": {"color": "@ink", "width": 4},
                    "hovertemplate": f"not significantly different: {title}<extra></extra>",
                }
            )
            place += step
    return place + step


def _add_scale(layout: dict[str, Any], low: float, critical: float) -> None:
    """Draws the length of the critical difference above the rows."""
    layout["yaxis"]["range"][1] = -1.4
    layout["height"] += 20
    layout["xaxis"]["range"][1] = max(layout["xaxis"]["range"][1], low + critical + 0.1)
    layout["shapes"].append(
        {
            "type": "line",
            "x0": low,
            "x1": low + critical,
            "y0": -0.9,
            "y1": -0.9,
            "line": {"color": "@ink", "width": 2},
        }
    )
    layout["annotations"] = [
        {
            "x": low,
            "y": -0.9,
            "xanchor": "left",
            "yanchor": "bottom",
            "text": f"critical difference {critical:.2f}",
            "showarrow": False,
            "font": {"size": 11, "color": "@muted"},
        }
    ]
