"""Figures as plain data, and the two colour themes.

A figure gives its neutral colours by role (`@ink`, `@grid`). The page replaces a role by the colour
of its theme, an export by the colour of the light theme. One figure thus works in light, dark and
print.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from study.report.formatting import number

__all__ = [
    "FONTS",
    "TEMPLATE",
    "THEMES",
    "Figure",
    "downsample",
    "heat_map",
    "heat_rows",
    "interval_band",
    "round_json",
    "row_layout",
    "with_theme",
]

Trace: TypeAlias = dict[str, Any]

FONTS = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", '
    '"Noto Sans TC", "PingFang TC", "Microsoft JhengHei", "Noto Sans CJK TC", '
    '"WenQuanYi Zen Hei", "Liberation Sans", sans-serif'
)

# Orange to blue, distinct for every colour vision; zero has the colour of the page.
_LIGHT_SCALE = ["#8C3A06", "#C96A1B", "#EDB277", "#F7F3EC", "#A3C6E0", "#3F86BD", "#0B4A7F"]
_DARK_SCALE = ["#C8691C", "#9A5520", "#5C3A22", "#23272D", "#24496B", "#2F6C9E", "#3F8CC7"]
_STEPS = (0, 0.17, 0.35, 0.5, 0.65, 0.83, 1)

THEMES: dict[str, dict[str, Any]] = {
    "light": {
        "@ink": "#1C2126",
        "@muted": "#5B646E",
        "@grid": "#E3E5E1",
        "@ghost": "#D3D6D2",
        "@paper": "#FCFCFA",
        "@box": "#F1F3EF",
        "@diverging": [list(pair) for pair in zip(_STEPS, _LIGHT_SCALE, strict=True)],
    },
    "dark": {
        "@ink": "#E7E9EA",
        "@muted": "#A3ABB3",
        "@grid": "#2C3238",
        "@ghost": "#3B424A",
        "@paper": "#15181C",
        "@box": "#20252B",
        "@diverging": [list(pair) for pair in zip(_STEPS, _DARK_SCALE, strict=True)],
    },
}

_AXIS = {
    "gridcolor": "@grid",
    "linecolor": "@grid",
    "zeroline": False,
    "tickcolor": "@grid",
    "automargin": True,
    "title": {"standoff": 8, "font": {"size": 12, "color": "@muted"}},
    "tickfont": {"size": 11.5},
}
TEMPLATE: dict[str, Any] = {
    "layout": {
        "font": {"family": FONTS, "size": 12, "color": "@ink"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "hoverlabel": {"font": {"family": FONTS, "size": 12}, "align": "left"},
        "showlegend": False,
    }
}


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: the file name and anchor, unique in a report.
        title: what it shows, for the heading and for readers who cannot see it.
        data: plotly's traces.
        layout: plotly's layout; the height is fixed, the width depends on the window.
        min_width: pixels; in a narrower window the figure scrolls and does not shrink.
        arm: the arm that it shows, if it shows only one.
    """

    name: str
    title: str
    data: list[Trace]
    layout: dict[str, Any] = field(default_factory=dict)
    min_width: int = 0
    arm: str | None = None


def row_layout(names: Sequence[str], *, size: int = 26) -> dict[str, Any]:
    """Returns the layout of a figure with one labelled row per name, the first on top."""
    return {
        "height": size * len(names) + 56,
        "yaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": [f"{name}  " for name in names],
            "range": [len(names) - 0.45, -0.55],
            "showgrid": False,
            "fixedrange": True,
        },
    }


def heat_map(
    values: Sequence[Sequence[float | None]], hover: Sequence[Sequence[str]], limit: float
) -> Trace:
    """Returns a heat map with each value printed in its cell; `hover` has a text per cell."""
    return {
        "type": "heatmap",
        "z": values,
        "x": list(range(len(values[0]))),
        "y": list(range(len(values))),
        "zmin": -limit,
        "zmax": limit,
        "colorscale": "@diverging",
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": [[number(value, 2) for value in row] for row in values],
        "texttemplate": "%{text}",
        "textfont": {"size": 11},
        "hoverongaps": False,
        "hovertext": hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def heat_rows(names: Sequence[str]) -> dict[str, Any]:
    """Returns the axis of a heat map with one labelled row per name, the first on top."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [f"{name}  " for name in names],
        "autorange": "reversed",
        "showgrid": False,
        "ticks": "",
    }


def interval_band(table: pd.DataFrame, along: str, colour: str) -> Trace:
    """Returns a filled band between the columns low and high."""
    there, back = table, table[::-1]
    return {
        "type": "scatter",
        "x": [*there[along].tolist(), *back[along].tolist()],
        "y": [*there["high"].tolist(), *back["low"].tolist()],
        "fill": "toself",
        "fillcolor": colour,
        "opacity": 0.18,
        "mode": "none",
        "hoverinfo": "skip",
    }


def downsample(length: int, most: int = 60) -> list[int]:
    """Returns at most `most` evenly spaced indices, with both ends.

    >>> downsample(5, 3)
    [0, 2, 4]
    """
    if length <= most:
        return list(range(length))
    return [int(i) for i in np.linspace(0, length - 1, most).round()]


def round_json(value: Any, digits: int = 4) -> Any:
    """Returns a figure's data for JSON: numbers with few digits, and null for NaN and infinity.

    >>> round_json({"x": [1 / 3, float("nan"), 2.0]})
    {'x': [0.3333, None, 2]}
    """
    match value:
        case Mapping():
            return {key: round_json(item, digits) for key, item in value.items()}
        case bool() | str() | None:
            return value
        case float() | np.floating():
            return _rounded(float(value), digits)
        case int() | np.integer():
            return int(value)
        case _:
            return [round_json(item, digits) for item in value]


def _rounded(value: float, digits: int) -> float | int | None:
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() else short


def with_theme(value: Any, theme: Mapping[str, Any]) -> Any:
    """Returns a figure with its roles replaced by colours; `page.js` does the same.

    >>> with_theme({"color": "@ink"}, {"@ink": "#000000"})
    {'color': '#000000'}
    """
    match value:
        case Mapping():
            return {key: with_theme(item, theme) for key, item in value.items()}
        case str():
            return theme.get(value, value)
        case list() | tuple():
            return [with_theme(item, theme) for item in value]
        case _:
            return value
