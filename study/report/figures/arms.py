"""Figures of the arms: scores, differences and cost."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from study.analysis.statistics.interval import Interval
from study.report.components.figure import Figure, Trace, row_layout
from study.report.components.palette import arm_style
from study.report.formatting import escape_label, interval, model_title, number, p_value
from study.report.load import LoadedStudy

__all__ = ["cost_figure", "difference_figure", "replicate_scores", "score_figure"]

_REFERENCE_MARKERS = {
    "base_rate": "line-ns-open",
    "regularised_linear": "diamond-open",
    "forest": "triangle-up-open",
}
_DOTS = (0.16, 0.4)  # range of the dots of replicates in their row, below the interval


def score_figure(study: LoadedStudy) -> Figure:
    """Draws each arm's score with its interval and every replicate; below, the reference models."""
    held_out = study.tables.get("held_out")
    dots = None if held_out is None else replicate_scores(held_out)
    data: list[Trace] = []
    for place, arm in enumerate(study.arms):
        if dots is not None:
            data.append(_dots(dots[dots["arm"] == arm.name]["value"], place, arm.name))
        if arm.score:
            data.append(_point(arm.score, place, arm.name))
    for place, model in enumerate(study.references, start=len(study.arms)):
        marker = _REFERENCE_MARKERS.get(model.name, "square-open")
        if model.score:
            data.append(_whisker(model.score, place, model_title(model.name), ("@muted", marker)))
    names = [*study.names, *(model_title(model.name) for model in study.references)]
    layout = row_layout([escape_label(name) for name in names], size=34 if dots is not None else 26)
    layout["xaxis"] = {"title": {"text": "score on held-out rows (mean skill over the tasks)"}}
    layout["shapes"] = [_zero()]
    if study.references:
        layout["shapes"].append(_rule(len(study.arms) - 0.5))
    return Figure(
        "scores", "Score of each balancer on held-out rows, with every replicate", data, layout
    )


def replicate_scores(held_out: pd.DataFrame) -> pd.DataFrame:
    """Returns one row per replicate: arm, outer_fold, seed, fold, value (mean skill over tasks)."""
    skill = held_out[held_out["metric"] == "skill"]
    keys = ["arm", "outer_fold", "seed", "fold"]
    return skill.groupby(keys, sort=False)["value"].mean().reset_index()


def _dots(values: "pd.Series[float]", place: int, arm: str) -> Trace:
    spread = np.resize(np.linspace(*_DOTS, 5)[[0, 2, 4, 1, 3]], len(values))
    return {
        "type": "scatter",
        "mode": "markers",
        "x": values.tolist(),
        "y": (place + spread).tolist(),
        "marker": {"color": arm_style(arm).colour, "size": 4, "opacity": 0.45},
        "hovertemplate": f"{escape_label(arm)}, one replicate: %{{x:.3f}}<extra></extra>",
        "meta": arm,
    }


def _point(value: Interval, place: int, arm: str, *, hollow: bool = False) -> Trace:
    style = arm_style(arm)
    marker = f"{style.marker}-open" if hollow else style.marker
    return {**_whisker(value, place, arm, (style.colour, marker)), "meta": arm}


def _whisker(value: Interval, place: int, name: str, style: tuple[str, str]) -> Trace:
    colour, marker = style
    estimate = value.estimate
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [estimate],
        "y": [place],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [value.high - estimate],
            "arrayminus": [estimate - value.low],
            "color": colour,
            "thickness": 2,
            "width": 0,
        },
        "marker": {
            "color": colour,
            "symbol": marker,
            "size": 10,
            "line": {"width": 1.5, "color": colour},
        },
        "hovertemplate": f"{escape_label(name)}: {interval(value)}<extra></extra>",
    }


def difference_figure(study: LoadedStudy, baseline: str) -> Figure:
    """Draws each arm's paired difference to a baseline; marks of significant ones are filled."""
    gaps = {gap.arm: gap for gap in study.comparison.differences if gap.baseline == baseline}
    names = [name for name in study.names if name in gaps]
    data = []
    for place, name in enumerate(names):
        gap = gaps[name]
        trace = _point(gap.interval, place, name, hollow=not gap.distinguishable)
        text = (
            f"{interval(gap.interval, sign=True)}<br>p (Holm) {p_value(gap.p_holm)}, "
            f"P(better) {number(gap.probability_of_improvement, 2)}"
        )
        trace["hovertemplate"] = (
            f"{escape_label(name)} − {escape_label(baseline)}: {text}<extra></extra>"
        )
        data.append(trace)
    layout = row_layout([escape_label(name) for name in names])
    layout["xaxis"] = {
        "title": {"text": f"score minus score of {escape_label(baseline)}"},
        "tickformat": "+.2f",
    }
    layout["shapes"] = [_zero()]
    return Figure(f"difference-{baseline}", f"Difference to {baseline}", data, layout)


def cost_figure(study: LoadedStudy) -> Figure:
    """Draws the time of one optimizer step per arm, in the order of the scores."""
    data: list[Trace] = []
    for place, arm in enumerate(study.arms):
        seconds = arm.seconds_per_step
        if not seconds:
            continue
        style = arm_style(arm.name)
        text = f"{escape_label(arm.name)}: {number(1000 * seconds, 2)} ms per step"
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [1000 * seconds],
                "y": [place],
                "marker": {"color": style.colour, "symbol": style.marker, "size": 10},
                "hovertemplate": f"{text}<extra></extra>",
                "meta": arm.name,
            }
        )
    layout = row_layout([escape_label(name) for name in study.names])
    layout["xaxis"] = {
        "title": {"text": "ms per step, all replicates together (log scale)"},
        "type": "log",
        **_log_ticks([trace["x"][0] for trace in data]),
    }
    layout["yaxis"]["showgrid"] = True
    return Figure("cost", "Time of one optimizer step", data, layout)


def _log_ticks(values: Sequence[float]) -> dict[str, Any]:
    """Returns ticks at 1, 2 and 5 times the powers of ten around some values, and the range."""
    low, high = min(values) / 1.3, max(values) * 1.3
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return {
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
        "range": [math.log10(low), math.log10(high)],
    }


def _zero() -> dict[str, Any]:
    line = {"color": "@muted", "width": 1, "dash": "dot"}
    return {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _rule(y: float) -> dict[str, Any]:
    line = {"color": "@grid", "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}
