"""The heat map of permutation importance per feature and task."""

import numpy as np

from study.report.components.figure import Figure, heat_map, heat_rows
from study.report.figures.tasks import task_axis
from study.report.formatting import bilingual, escape_label, number, task_title
from study.report.load import LoadedStudy
from study.report.tables.features import feature_importance

__all__ = ["feature_map"]

_FLOOR = 0.05  # a narrower scale would exaggerate small values


def feature_map(study: LoadedStudy) -> Figure:
    """Draws the skill that each task loses if a feature is shuffled."""
    table = feature_importance(study)
    lost = table.pivot_table(index="feature", columns="task", values="mean", sort=False)
    lost = lost.reindex(columns=[task.name for task in study.tasks])
    names = table.drop_duplicates("feature")
    titles = [
        escape_label(bilingual(*pair))
        for pair in zip(names["title"], names["title_zh"], strict=True)
    ]
    hover = [
        [f"{title}, {escape_label(task_title(task))}<br>loss of skill {number(value)}"
         for task, value in zip(study.tasks, row, strict=True)]
        for title, row in zip(titles, lost.to_numpy(), strict=True)
    ]  # fmt: skip
    limit = max(_FLOOR, float(np.nanquantile(np.abs(lost.to_numpy(dtype=float)), 0.95)))
    layout = {
        "height": 24 * len(titles) + 130,
        "xaxis": {**task_axis(study.tasks), "tickfont": {"size": 10}},
        "yaxis": heat_rows(titles),
    }
    drawn = heat_map(lost.to_numpy().tolist(), hover, limit)
    title = "Loss of skill per task if a feature is shuffled"
    return Figure("features", title, [drawn], layout, min_width=980)
