"""Figures of the agreement of the tasks' gradients."""

import numpy as np
import pandas as pd

from study.report.components.end_labels import end_labels
from study.report.components.figure import Figure, Trace
from study.report.components.palette import arm_style
from study.report.figures.curves import task_rows
from study.report.formatting import abbreviated, escape_label
from study.report.load import LoadedStudy

__all__ = ["conflict_figure", "cosine_maps"]


def cosine_maps(study: LoadedStudy) -> list[Figure]:
    """Draws one panel per arm: cosines between the tasks' gradients at its last epoch."""
    cosines = study.tables["cosines"]
    order = [task.name for task in study.tasks]
    figures = []
    for name in study.names:
        rows = cosines[cosines["arm"] == name]
        if rows.empty:
            continue
        last = rows[rows["epoch"] == rows.groupby("outer_fold")["epoch"].transform("max")]
        table = last.pivot_table(index="task", columns="other", values="cosine")
        table = table.reindex(index=order, columns=order)
        square = table.combine_first(table.T).reindex(index=order, columns=order)
        figures.append(_cosine_map(name, square))
    return figures


def _cosine_map(name: str, table: pd.DataFrame) -> Figure:
    lower = np.tril(np.ones(table.shape, dtype=bool), -1)
    names = [escape_label(abbreviated(str(task))) for task in table.index]
    heat = {
        "type": "heatmap",
        "x": list(range(len(names))),
        "y": list(range(len(names))),
        "z": table.where(lower).to_numpy().tolist(),
        "zmin": -1,
        "zmax": 1,
        "colorscale": "@diverging",
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "text": [[f"{a} and {b}" for b in names] for a in names],
        "hovertemplate": "%{text}: %{z:.2f}<extra></extra>",
    }
    layout = task_rows([str(task) for task in table.index])
    layout["xaxis"] = {"showticklabels": False, "showgrid": False, "ticks": ""}
    layout["height"] = 16 * len(names) + 24
    return Figure(f"cosines-{name}", name, [heat], layout, arm=name)


def conflict_figure(study: LoadedStudy) -> Figure:
    """Draws the share of task pairs with conflicting gradients (negative cosine), by epoch."""
    pairs = _distinct_pairs(study.tables["cosines"])
    keys = [pairs["arm"], pairs["epoch"]]
    shares = (pairs["cosine"] < 0).astype(float).groupby(keys).mean()
    data: list[Trace] = []
    for name in study.names:
        if name in shares.index.get_level_values(0):
            share, style = shares.xs(name), arm_style(name)
            title = escape_label(name)
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "x": share.index.tolist(),
                    "y": share.tolist(),
                    "line": {"color": style.colour, "dash": style.dash, "width": 1.6},
                    "marker": {"color": style.colour, "symbol": style.marker, "size": 7},
                    "hovertemplate": f"{title}, epoch %{{x}}: %{{y:.0%}}<extra></extra>",
                    "meta": name,
                }
            )
    layout = {
        "height": max(300, 16 * len(data) + 80),
        "xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "pairs in conflict"}, "tickformat": ".0%"},
    }
    end_labels(data, layout)
    return Figure("conflicts", "Task pairs whose gradients conflict", data, layout)


def _distinct_pairs(cosines: pd.DataFrame) -> pd.DataFrame:
    """Returns each pair of two different tasks once per arm, outer fold and epoch.

    A study writes each pair once, in the order of the schema, which is not alphabetical. This also
    accepts a table with the other order, with both orders, or with a task and itself.
    """
    pairs = cosines[cosines["task"] != cosines["other"]]
    names = np.sort(pairs[["task", "other"]].to_numpy(dtype=str), axis=1)
    keys = pairs[["arm", "outer_fold", "epoch"]].assign(first=names[:, 0], second=names[:, 1])
    return pairs[~keys.duplicated()]
