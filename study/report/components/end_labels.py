"""Labels at the ends of lines, moved apart where they would lie on each other."""

from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from study.report.components.figure import Trace
from study.report.formatting import escape_label

__all__ = ["end_labels"]

_GAP = 13  # pixels between two labels
_AROUND = 80  # pixels of a figure that are not its plotting area


def end_labels(data: list[Trace], layout: dict[str, Any]) -> None:
    """Writes each arm's name right of its line's end, in its colour.

    Sets the range of the y axis, for what overlaps depends on it; the labels' order is that of
    the lines' ends.

    Args:
        data: lines, `meta` naming the arm, and bands, which have no label.
        layout: with its height.
    """
    lines = [trace for trace in data if trace.get("mode", "").startswith("lines")]
    if not lines:
        return
    values = np.array([y for trace in data for y in trace["y"] if y is not None], dtype=float)
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low or 1.0)
    low, high = low - room, high + room
    layout["yaxis"]["range"] = [low, high]
    gap = _GAP * (high - low) / (layout["height"] - _AROUND)
    ends = sorted(lines, key=lambda trace: float(trace["y"][-1]))
    places = _spread([float(trace["y"][-1]) for trace in ends], gap)
    longest = max(len(str(trace["meta"])) for trace in lines)
    layout["margin"] = {"l": 8, "t": 14, "b": 8, "r": 26 + 7 * longest}
    layout["annotations"] = [
        {
            "xref": "paper",
            "x": 1,
            "xanchor": "left",
            "xshift": 10,
            "y": place,
            "yanchor": "middle",
            "text": escape_label(str(trace["meta"])),
            "showarrow": False,
            "font": {"size": 11, "color": trace["line"]["color"]},
        }
        for trace, place in zip(ends, places, strict=True)
    ]


def _spread(values: list[float], gap: float) -> list[float]:
    """Returns rising values moved apart to at least a gap, as a whole moved as little as needed."""
    steps = gap * np.arange(len(values))
    # Least squares under "each at least a gap above the last" is an isotonic regression.
    return [float(place) for place in isotonic_regression(np.array(values) - steps).x + steps]
