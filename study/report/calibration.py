"""Figures of the class probabilities: do they mean what they say?"""

from collections.abc import Mapping, Sequence

import pandas as pd

from study.colours import Look, look
from study.report.blocks import Cell, Table, head
from study.report.plot import Figure, Trace
from study.report.reading import Study
from study.report.words import label, number, titled

__all__ = ["calibration_error", "reliability", "tempered", "tempered_table"]

_LEAST = 5  # pairs of row and class in a bin below which its point says nothing


def reliability(study: Study) -> list[Figure]:
    """Draws one panel a task: how often what was given a probability was so."""
    table = study.tables["calibration"]
    return _panels(study, table, "calibration", "arm", {name: look(name) for name in study.names})


def tempered(study: Study, arm: str) -> list[Figure]:
    """Draws one panel a task: an arm's ensemble before its temperature, and after."""
    table = study.tables["ensemble_calibration"]
    own, style = table[table["arm"] == arm], look(arm)
    looks = {"before": Look("@muted", "dot", "circle-open"), "after": style}
    return _panels(study, own, "tempered", "stage", looks)


def tempered_table(study: Study, arms: Sequence[str], *, folded: bool = True) -> Table:
    """Returns the calibration error of arms before the temperature and after, a column a task."""
    table = study.tables["ensemble_calibration"]
    errors = {
        stage: calibration_error(own).pivot_table(index="arm", columns="task", values="error")
        for stage, own in table.groupby("stage")
    }
    before, after = errors["before"], errors["after"]
    tasks = [task for task in study.tasks if task.name in before]
    heads = [head(task) for task in tasks]
    rows = []
    for arm in filter(before.index.__contains__, arms):
        names = [task.name for task in tasks]
        was, now = (frame.loc[arm, names].to_numpy(dtype=float) for frame in (before, after))
        pairs = zip([was.mean(), *was], [now.mean(), *now], strict=True)
        rows.append((Cell(arm), *(Cell(number(b), f"→ {number(a)}") for b, a in pairs)))
    note = "Expected calibration error of the ensemble: before its temperature → after it."
    columns = (Cell("balancer"), Cell("mean"), *heads)
    title = "Calibration error before and after"
    return Table(title, columns, tuple(rows), note, folded=folded, arms=True)


def _panels(
    study: Study, table: pd.DataFrame, name: str, by: str, looks: Mapping[str, Look]
) -> list[Figure]:
    """Draws one panel a task, in it a curve for each value of a column."""
    figures = []
    for task in study.tasks:
        own = table[(table["task"] == task.name) & (table["count"] >= _LEAST)]
        parts = {key: own[own[by] == key].sort_values("bin") for key in looks}
        curves = [_curve(key, looks[key], part) for key, part in parts.items() if len(part)]
        if curves:
            axis = {"range": [-0.03, 1.03], "tickformat": ".0%", "dtick": 0.25}
            layout = {
                "height": 280,
                "xaxis": {**axis, "title": {"text": "probability given"}},
                "yaxis": {**axis, "title": {"text": "share that was so"}},
            }
            data = [_diagonal(), *curves]
            figures.append(Figure(f"{name}-{task.name}", titled(task), data, layout))
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


def _curve(name: str, style: Look, own: pd.DataFrame) -> Trace:
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
