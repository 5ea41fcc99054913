"""Figures of the class probabilities: do they mean what they say?"""

import pandas as pd

from study.colours import look
from study.report.plot import Figure, Trace
from study.report.reading import Study
from study.report.words import label, titled

__all__ = ["calibration_error", "reliability"]

_LEAST = 5  # pairs of row and class in a bin below which its point says nothing


def reliability(study: Study) -> list[Figure]:
    """Draws one panel a task: how often what was given a probability was so."""
    table = study.tables["calibration"]
    figures = []
    for task in study.tasks:
        own = table[(table["task"] == task.name) & (table["count"] >= _LEAST)]
        data: list[Trace] = [_diagonal()]
        parts = {name: own[own["arm"] == name] for name in study.names}
        data += [_curve(name, part.sort_values("bin")) for name, part in parts.items() if len(part)]
        if data[1:]:
            axis = {"range": [-0.03, 1.03], "tickformat": ".0%", "dtick": 0.25}
            layout = {
                "height": 280,
                "xaxis": {**axis, "title": {"text": "probability given"}},
                "yaxis": {**axis, "title": {"text": "share that was so"}},
            }
            figures.append(Figure(f"calibration-{task.name}", titled(task), data, layout))
    return figures


def calibration_error(calibration: pd.DataFrame) -> pd.DataFrame:
    """Returns arm, task, error: the mean distance from the diagonal, weighted by count.

    The expected calibration error of the one-vs-rest probabilities (Naeini et al., AAAI 2015).
    """
    known = calibration[calibration["count"] > 0]
    gap = (known["predicted"] - known["observed"]).abs() * known["count"]
    keys = [known["arm"], known["task"]]
    sums = gap.groupby(keys, sort=False).sum() / known["count"].groupby(keys, sort=False).sum()
    return sums.rename("error").reset_index()


def _curve(name: str, own: pd.DataFrame) -> Trace:
    style = look(name)
    said = f"{label(name)}: given %{{x:.0%}}, was %{{y:.0%}} (%{{customdata:,}})<extra></extra>"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": own["predicted"].tolist(),
        "y": own["observed"].tolist(),
        "customdata": own["count"].tolist(),
        "line": {"color": style.colour, "dash": style.dash, "width": 1.4},
        "marker": {"color": style.colour, "symbol": style.marker, "size": 5},
        "hovertemplate": said,
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
