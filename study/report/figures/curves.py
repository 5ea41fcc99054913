"""Figures over epochs: learning curves and task weights."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.report.components.figure import Figure, Trace, downsample, interval_band
from study.report.components.palette import arm_style
from study.report.formatting import abbreviated, escape_label, task_title
from study.report.load import LoadedStudy

__all__ = ["learning_by_task", "learning_curves", "task_rows", "weight_maps"]

_BANDED = 6  # with more arms in one panel, bands would hide each other
_CLIP = 3  # weights above 8 times the equal share have one colour; so do those below 1/8
_SIDE = 250  # height of a small panel in pixels


def learning_curves(study: LoadedStudy) -> list[Figure]:
    """Draws one panel per arm: held-out and validation skill, with the other arms in grey."""
    curves = study.tables["curves"]
    held_out = _over_tasks(curves, "held_out_skill")
    validation = _over_tasks(curves, "validation_skill")
    names = [name for name in study.names if name in held_out]
    low, high = _reach(held_out)
    figures = []
    for name in names:
        data = [_ghosts({k: v for k, v in held_out.items() if k != name})]
        curve, style = held_out[name], arm_style(name)
        data.append(interval_band(curve, "epoch", style.colour))
        if name in validation:
            data.append(_line(validation[name], name, "validation", dash="dot", width=1.2))
        data.append(_line(curve, name, "held out", dash="solid", width=2.2))
        layout = {
            "height": _SIDE,
            "xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero"},
            "yaxis": {"range": [low, high]},
        }
        figures.append(Figure(f"learning-{name}", name, data, layout, arm=name))
    return figures


def learning_by_task(study: LoadedStudy) -> list[Figure]:
    """Draws one panel per task: held-out skill of every arm."""
    curves = study.tables["curves"]
    chosen = curves[curves["metric"] == "held_out_skill"]
    figures = []
    for task in study.tasks:
        lines = _by_arm(chosen[chosen["task"] == task.name])
        data: list[Trace] = []
        for name in [name for name in study.names if name in lines]:
            curve, style = lines[name], arm_style(name)
            if len(lines) <= _BANDED:
                data.append({**interval_band(curve, "epoch", style.colour), "meta": name})
            data.append(_line(curve, name, "held out", dash=style.dash, width=1.6))
        if data:
            layout = {
                "height": _SIDE,
                "xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero"},
                "yaxis": {"range": list(_reach(lines))},
            }
            figures.append(Figure(f"learning-{task.name}", task_title(task), data, layout))
    return figures


def _over_tasks(curves: pd.DataFrame, metric: str) -> dict[str, pd.DataFrame]:
    """Returns each arm's mean over tasks; its band is the mean of the tasks' bands."""
    return _by_arm(curves[curves["metric"] == metric])


def _by_arm(curves: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Returns arm -> epoch, mean, low, high over tasks and outer folds, with fewer epochs.

    Outer folds train for different numbers of epochs. A mean ends with the shortest of them,
    because after that it would be a mean over fewer folds.
    """
    by_arm = {}
    for name, rows in curves.groupby("arm", sort=False):
        folds = rows["outer_fold"].nunique() if "outer_fold" in rows else 1
        means = rows.groupby("epoch")[["mean", "low", "high"]].mean().reset_index()
        shared = rows.groupby("epoch")["outer_fold"].nunique().to_numpy() == folds
        means = means[shared].dropna()
        if len(means):
            by_arm[str(name)] = means.iloc[downsample(len(means))]
    return by_arm


def _reach(lines: dict[str, pd.DataFrame]) -> tuple[float, float]:
    """Returns the visible range; it may leave out the first epochs, which can be much lower."""
    if not lines:
        return -1.0, 1.0
    everything = pd.concat(lines.values())
    low = float(np.quantile(everything["low"], 0.08))
    high = float(everything["high"].max())
    room = 0.06 * (high - low)
    return low - room, high + room


def _line(curve: pd.DataFrame, arm: str, what: str, *, dash: str, width: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": curve["epoch"].tolist(),
        "y": curve["mean"].tolist(),
        "line": {"color": arm_style(arm).colour, "dash": dash, "width": width},
        "hovertemplate": f"{escape_label(arm)}, {what}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
        "meta": arm,
    }


def _ghosts(lines: dict[str, pd.DataFrame]) -> Trace:
    """Returns the lines of other arms as one grey trace, with gaps between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for curve in lines.values():
        few = curve.iloc[downsample(len(curve), 30)]
        x += [*few["epoch"].tolist(), None]
        y += [*few["mean"].tolist(), None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": "@ghost", "width": 1},
        "hoverinfo": "skip",
    }


def weight_maps(study: LoadedStudy) -> tuple[list[Figure], list[str]]:
    """Draws one panel per arm: each task's weight as a multiple of the equal share, by epoch.

    Returns:
        the panels, and the arms with equal weights that never changed.
    """
    curves = study.tables["curves"]
    weights = curves[curves["metric"] == "weight"]
    figures, still = [], []
    for name in study.names:
        rows = weights[weights["arm"] == name]
        if rows.empty:
            continue
        table = rows.pivot_table(index="task", columns="epoch", values="mean")
        table = table.reindex([task.name for task in study.tasks]).dropna(how="all")
        share = table * len(table) / table.abs().sum()
        if np.allclose(share, 1, atol=1e-3):
            still.append(name)
        else:
            figures.append(_weight_map(name, share))
    return figures, still


def _weight_map(name: str, share: pd.DataFrame) -> Figure:
    shown = share.iloc[:, downsample(share.shape[1], 40)]
    floor = 2.0 ** (-2 * _CLIP)  # a weight at or below zero has no logarithm
    heat = {
        "type": "heatmap",
        "x": shown.columns.tolist(),
        "y": list(range(len(shown))),
        "z": np.log2(shown.clip(lower=floor).to_numpy()).tolist(),
        "zmin": -_CLIP,
        "zmax": _CLIP,
        "colorscale": "@diverging",
        "showscale": False,
        "text": [[f"{value:.2f}" for value in row] for row in shown.to_numpy()],
        "hovertemplate": "epoch %{x}, %{customdata}: %{text} times the equal share<extra></extra>",
        "customdata": [
            [escape_label(abbreviated(str(task)))] * shown.shape[1] for task in shown.index
        ],
    }
    layout = task_rows(shown.index.tolist())
    layout["xaxis"] = {"title": {"text": "epoch"}, "showgrid": False}
    return Figure(f"weights-{name}", name, [heat], layout, arm=name)


def task_rows(tasks: Sequence[str]) -> dict[str, object]:
    """Returns the layout of a small heat map with one labelled row per task, the first on top."""
    return {
        "height": 16 * len(tasks) + 62,
        "yaxis": {
            "tickvals": list(range(len(tasks))),
            "ticktext": [f"{escape_label(abbreviated(task))} " for task in tasks],
            "tickfont": {"size": 10},
            "autorange": "reversed",
            "showgrid": False,
            "ticks": "",
        },
    }
