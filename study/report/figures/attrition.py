"""The flow diagram of the cohort: the rows that each rule removed, and the split of the rest."""

import textwrap
from typing import Any

from study.report.components.figure import Figure
from study.report.formatting import escape_label, number
from study.report.load import LoadedStudy

__all__ = ["attrition_flow"]

_BOX, _STEP = 0.52, 1.0  # height of a box; distance from one box to the next
_LEFT, _RIGHT = (0.0, 0.46), (0.54, 1.0)
_PIXELS = 84  # of one step


def attrition_flow(study: LoadedStudy) -> Figure | None:
    """Draws a CONSORT diagram: the rows that are left on the left, removed rows on the right."""
    ledger = study.attrition
    if ledger is None:
        return None
    steps = ledger["steps"]
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    _box(shapes, notes, _LEFT, 0, f"<b>{ledger['start']:,}</b> rows with at least one value")
    for place, step in enumerate(steps, start=1):
        middle = (place - 0.5) * _STEP
        removed = _wrapped(step["rule"])
        _box(shapes, notes, _RIGHT, middle, f"<b>−{step['removed']:,}</b> {removed}")
        _box(shapes, notes, _LEFT, place * _STEP, f"<b>{step['left']:,}</b> rows")
        _arrow(notes, (0.23, (place - 1) * _STEP + _BOX / 2), (0.23, place * _STEP - _BOX / 2))
        _arrow(notes, (0.23, middle), (_RIGHT[0], middle))
    last = len(steps) * _STEP
    _split(study, shapes, notes, last)
    layout = {
        "height": int(_PIXELS * (len(steps) + 2.1)),
        "shapes": shapes,
        "annotations": notes,
        "xaxis": {"visible": False, "range": [-0.01, 1.01], "fixedrange": True},
        "yaxis": {"visible": False, "range": [last + 1.45, -0.4], "fixedrange": True},
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
    }
    point = {"type": "scatter", "x": [0], "y": [0], "mode": "markers", "marker": {"opacity": 0}}
    return Figure("attrition", "Flow diagram of the rows", [{**point, "hoverinfo": "skip"}], layout)


def _split(
    study: LoadedStudy, shapes: list[dict[str, Any]], notes: list[dict[str, Any]], last: float
) -> None:
    """Adds the two parts, training and held out."""
    training = study.comparison.training_rows
    held_out = study.comparison.held_out_rows
    folds = study.comparison.outer_folds
    each = f"in each of {folds} outer folds" if folds > 1 else ""
    middle = last + _STEP / 2
    if held_out is not None:
        _box(shapes, notes, _RIGHT, middle, f"<b>{number(held_out, 0)}</b> held out {each}")
        _arrow(notes, (0.23, middle), (_RIGHT[0], middle))
    if training is not None:
        text = f"<b>{number(training, 0)}</b> for search<br>and training"
        _box(shapes, notes, _LEFT, last + _STEP, text)
        _arrow(notes, (0.23, last + _BOX / 2), (0.23, last + _STEP - _BOX / 2))


def _box(
    shapes: list[dict[str, Any]],
    notes: list[dict[str, Any]],
    side: tuple[float, float],
    middle: float,
    text: str,
) -> None:
    shapes.append(
        {
            "type": "rect",
            "x0": side[0],
            "x1": side[1],
            "y0": middle - _BOX / 2,
            "y1": middle + _BOX / 2,
            "fillcolor": "@box",
            "line": {"color": "@grid", "width": 1},
        }
    )
    notes.append({"x": sum(side) / 2, "y": middle, "text": text, "showarrow": False})


def _arrow(
    notes: list[dict[str, Any]], start: tuple[float, float], end: tuple[float, float]
) -> None:
    notes.append(
        {
            "x": end[0],
            "y": end[1],
            "ax": start[0],
            "ay": start[1],
            "axref": "x",
            "ayref": "y",
            "text": "",
            "showarrow": True,
            "arrowhead": 2,
            "arrowwidth": 1.2,
            "arrowcolor": "@muted",
        }
    )


def _wrapped(text: str) -> str:
    return "<br>".join(escape_label(line) for line in textwrap.wrap(text, 22))
