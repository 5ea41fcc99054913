"""Reliability diagrams of the class probabilities."""

from collections.abc import Mapping

import pandas as pd

from study.report.components.figure import Figure, Trace
from study.report.components.palette import ArmStyle, arm_style
from study.report.formatting import escape_label, task_title
from study.report.load import LoadedStudy

__all__ = ["reliability_diagrams", "temperature_diagrams"]

_LEAST = 5  # bins with fewer pairs of row and class are not drawn


def reliability_diagrams(study: LoadedStudy) -> list[Figure]:
    """Draws one panel per task: observed frequency by predicted probability."""
    table = study.tables["calibration"]
    return _panels(
        study, table, "calibration", "arm", {name: arm_style(name) for name in study.names}
    )


def temperature_diagrams(study: LoadedStudy, arm: str) -> list[Figure]:
    """Draws one panel per task: an arm's ensemble before and after the temperature."""
    table = study.tables["ensemble_calibration"]
    rows, style = table[table["arm"] == arm], arm_style(arm)
    looks = {"before": ArmStyle("@muted", "dot", "circle-open"), "after": style}
    return _panels(study, rows, "tempered", "stage", looks)


def _panels(
    study: LoadedStudy, table: pd.DataFrame, name: str, by: str, looks: Mapping[str, ArmStyle]
) -> list[Figure]:
    """Draws one panel per task, with one curve for each value of a column."""
    figures = []
    for task in study.tasks:
        rows = table[(table["task"] == task.name) & (table["count"] >= _LEAST)]
        parts = {key: rows[rows[by] == key].sort_values("bin") for key in looks}
        curves = [_curve(key, looks[key], part) for key, part in parts.items() if len(part)]
        if curves:
            axis = {"range": [-0.03, 1.03], "tickformat": ".0%", "dtick": 0.25}
            layout = {
                "height": 280,
                "xaxis": {**axis, "title": {"text": "predicted probability"}},
                "yaxis": {**axis, "title": {"text": "observed frequency"}},
            }
            data = [_diagonal(), *curves]
            figures.append(Figure(f"{name}-{task.name}", task_title(task), data, layout))
    return figures


def _curve(name: str, style: ArmStyle, bins: pd.DataFrame) -> Trace:
    hover = (
        f"{escape_label(name)}: predicted %{{x:.0%}}, observed %{{y:.0%}} "
        "(n = %{customdata:,})<extra></extra>"
    )
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": bins["predicted"].tolist(),
        "y": bins["observed"].tolist(),
        "customdata": bins["count"].tolist(),
        "line": {"color": style.colour, "dash": style.dash, "width": 1.4},
        "marker": {"color": style.colour, "symbol": style.marker, "size": 5},
        "hovertemplate": hover,
        "meta": name,
    }


def _diagonal() -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": "@muted", "width": 1, "dash": "dot"},
        "hoverinfo": "skip",
    }
