"""Figures of the search: importance, parallel coordinates, expected best score."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from study.report.components.end_labels import end_labels
from study.report.components.figure import Figure, Trace, interval_band
from study.report.components.palette import arm_style
from study.report.formatting import escape_label
from study.report.load import LoadedStudy

__all__ = ["expected_best_figure", "importance_bars", "parallel_coordinates"]

_SHOWN = 8  # parameters in a figure of importance
_BEST = 0.1  # share of the trials drawn in the arm's colour
_GROUPS = ("fixed.log_weights.", "hidden.")


def importance_bars(arm: str, table: pd.DataFrame) -> Figure:
    """Draws an arm's most important parameters by both measures."""
    few = table.head(_SHOWN)
    tint = arm_style(arm).colour
    places = np.arange(len(few))
    looks = {"ped_anova": (-0.19, "PED-ANOVA", 1.0), "fanova": (0.19, "fANOVA", 0.45)}
    data: list[Trace] = [
        {
            "type": "bar",
            "orientation": "h",
            "x": few[measure].tolist(),
            "y": (places + shift).tolist(),
            "width": 0.34,
            "marker": {"color": tint, "opacity": opacity},
            "hovertemplate": f"{title}: %{{x:.2f}}<extra></extra>",
        }
        for measure, (shift, title, opacity) in looks.items()
    ]
    layout = {
        "height": 28 * len(few) + 60,
        "xaxis": {"title": {"text": "share of importance"}, "rangemode": "tozero"},
        "yaxis": {
            "tickvals": places.tolist(),
            "ticktext": [f"{escape_label(_brief(name, arm))}  " for name in few["parameter"]],
            "tickfont": {"size": 10.5},
            "autorange": "reversed",
            "showgrid": False,
        },
    }
    return Figure(f"importance-{arm}", arm, data, layout, arm=arm)


def _brief(parameter: str, arm: str) -> str:
    """Returns a parameter's short name; `balancer` marks a parameter of the balancer itself."""
    for group in _GROUPS:
        parameter = parameter.removeprefix(group)
    short = parameter.removeprefix(f"{arm}.")
    return (short if short == parameter else f"balancer {short}").replace("_", " ")


def parallel_coordinates(arm: str, trials: Sequence[FrozenTrial]) -> Figure | None:
    """Draws an arm's trials as lines over its parameters and the score.

    Trials without a score are drawn too, grey and dotted: those stopped early and those that
    failed. Returns None if no parameter was searched.
    """
    scales = _scales(trials)
    if not scales:
        return None
    scored = [t for t in trials if t.state == TrialState.COMPLETE and t.value is not None]
    ranked = sorted(scored, key=lambda t: -(t.value or 0.0))
    cut = max(1, math.ceil(_BEST * len(ranked)))
    values = [t.value for t in ranked if t.value is not None]
    ends = (min(values), max(values)) if values else (0.0, 1.0)
    rest = [t for t in trials if t not in scored]
    data = [
        _lines(rest, scales, ends, {"color": "@ghost", "width": 1, "dash": "dot"}),
        _lines(ranked[cut:], scales, ends, {"color": "@ghost", "width": 1}),
        _lines(ranked[:cut], scales, ends, {"color": arm_style(arm).colour, "width": 2}),
    ]
    layout = _parallel_layout(arm, scales, ends)
    width = 46 * (len(scales) + 1) + 60
    return Figure(f"parallel-{arm}", arm, data, layout, min_width=width, arm=arm)


def _parallel_layout(
    arm: str, scales: Mapping[str, BaseDistribution], ends: tuple[float, float]
) -> dict[str, Any]:
    """Returns a vertical axis for each parameter and for the score, with labels at its ends."""
    names = [*scales, "score"]
    axis = {
        "type": "line",
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"color": "@muted", "width": 1},
    }
    return {
        "height": 250,
        "margin": {"l": 30, "r": 30, "t": 26, "b": 8},
        "xaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": [_axis_name(name, arm) for name in names],
            "tickangle": 0,
            "showgrid": False,
            "ticks": "",
            "range": [-0.3, len(names) - 0.7],
            "tickfont": {"size": 10.5},
        },
        "yaxis": {"visible": False, "range": [-0.12, 1.08]},
        "shapes": [{**axis, "x0": place, "x1": place} for place in range(len(names))],
        "annotations": [
            note
            for place, (low, high) in enumerate([*map(_ends, scales.values()), _texts(ends)])
            for note in (_note(place, -0.01, low, "top"), _note(place, 1.01, high, "bottom"))
        ],
    }


def _scales(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Returns every parameter that a trial has, in order, with its domain."""
    scales: dict[str, BaseDistribution] = {}
    for trial in trials:
        scales.update({k: v for k, v in trial.distributions.items() if k not in scales})
    return dict(sorted(scales.items(), key=lambda item: (item[0].count("."), item[0])))


def _lines(
    trials: Sequence[FrozenTrial],
    scales: Mapping[str, BaseDistribution],
    ends: tuple[float, float],
    line: dict[str, Any],
) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for trial in trials:
        x += [*range(len(scales) + 1), None]
        heights = [_height(scale, trial.params.get(name)) for name, scale in scales.items()]
        y += [*heights, _between(_final(trial), *ends), None]
        shown = [f"{escape_label(k)} = {escape_label(_value(trial.params.get(k)))}" for k in scales]
        text += [*shown, f"score {_value(_final(trial))}", ""]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "text": text,
        "line": line,
        "marker": {"size": 3.5, "color": line["color"]},
        "hovertemplate": "%{text}<extra></extra>",
    }


def _final(trial: FrozenTrial) -> float | None:
    """Returns the score of a finished trial; other trials have a value of an earlier epoch."""
    return trial.value if trial.state == TrialState.COMPLETE else None


def _height(scale: BaseDistribution, value: Any) -> float | None:
    """Returns the position of a value on its axis, 0 to 1; None if the trial has no value."""
    if value is None:
        return None
    if isinstance(scale, CategoricalDistribution):
        return scale.choices.index(value) / max(1, len(scale.choices) - 1)
    low, high = _bounds(scale)
    if getattr(scale, "log", False):
        return _between(math.log(value), math.log(low), math.log(high))
    return _between(float(value), low, high)


def _bounds(scale: Any) -> tuple[float, float]:
    return float(scale.low), float(scale.high)


def _between(value: float | None, low: float, high: float) -> float | None:
    if value is None:
        return None
    return 0.5 if high == low else (value - low) / (high - low)


def _ends(scale: BaseDistribution) -> tuple[str, str]:
    if isinstance(scale, CategoricalDistribution):
        return _value(scale.choices[0]), _value(scale.choices[-1])
    return _texts(_bounds(scale))


def _texts(ends: tuple[float, float]) -> tuple[str, str]:
    return _value(ends[0]), _value(ends[1])


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _axis_name(name: str, arm: str) -> str:
    return escape_label(_brief(name, arm)).replace(" ", "<br>").replace(".", "<br>")


def _note(place: int, y: float, text: str, anchor: str) -> dict[str, Any]:
    font = {"size": 10, "color": "@muted"}
    return {
        "x": place,
        "y": y,
        "yanchor": anchor,
        "text": escape_label(text),
        "showarrow": False,
        "font": font,
    }


def expected_best_figure(study: LoadedStudy) -> Figure:
    """Draws the expected validation score of the best trial by number of trials."""
    data: list[Trace] = []
    bands: list[Trace] = []
    compared = [arm for arm in study.arms if arm.expected_best]
    for arm in compared:
        table = pd.DataFrame(list(arm.expected_best))
        name, style = arm.name, arm_style(arm.name)
        x = table["trials"].tolist()
        if len(compared) <= 6:  # noqa: PLR2004 - more bands would hide each other
            area = interval_band(table, "trials", style.colour)
            bands.append({**area, "opacity": 0.1, "meta": name})
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": table["estimate"].tolist(),
                "line": {"color": style.colour, "dash": style.dash, "width": 2},
                "hovertemplate": f"{escape_label(name)}, %{{x}} trials: %{{y:.3f}}<extra></extra>",
                "meta": name,
            }
        )
    layout: dict[str, Any] = {
        "height": max(360, 15 * len(data) + 90),
        "xaxis": {"title": {"text": "trials"}},
        "yaxis": {"title": {"text": "validation score"}},
    }
    drawn = [*bands, *data]
    end_labels(drawn, layout)
    title = "Expected best validation score after n trials"
    return Figure("expected-best", title, drawn, layout)
