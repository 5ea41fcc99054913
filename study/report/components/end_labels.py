"""Labels at the ends of lines, moved so that they do not overlap."""

from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from study.report.components.figure import Trace
from study.report.formatting import escape_label

__all__ = ["end_labels"]

_GAP = 13  # pixels between two labels
_AROUND = 80  # pixels of a figure's height outside its plotting area


def end_labels(data: list[Trace], layout: dict[str, Any]) -> None:
    """Adds each arm's name at the right end of its line, in its colour.

    Also sets the range of the y axis, because overlap depends on it. The labels have the order
    of the lines' ends.

    Args:
        data: lines, with the arm in `meta`, and bands, which get no label.
        layout: the figure's layout, with its height.
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
    """Returns ascending values with at least a gap between them, moved as little as possible."""
    steps = gap * np.arange(len(values))
    # Least squares with a minimum gap between neighbours is an isotonic regression.
    return [float(place) for place in isotonic_regression(np.array(values) - steps).x + steps]
