"""The heat map of permutation importance per feature and task."""

import numpy as np

from study.report.components.figure import Figure, heat, heat_rows
from study.report.figures.tasks import task_axis
from study.report.formatting import both, label, number, titled
from study.report.load import Study
from study.report.tables.features import leanings

__all__ = ["feature_map"]

_FLOOR = 0.05  # a scale narrower than this would make much of nothing


def feature_map(study: Study) -> Figure:
    """Draws what each task's skill loses when a feature is shuffled."""
    table = leanings(study)
    lost = table.pivot_table(index="feature", columns="task", values="mean", sort=False)
    lost = lost.reindex(columns=[task.name for task in study.tasks])
    names = table.drop_duplicates("feature")
    titles = [label(both(*pair)) for pair in zip(names["title"], names["title_zh"], strict=True)]
    said = [
        [f"{title}, {label(titled(task))}<br>skill lost {number(value)}"
         for task, value in zip(study.tasks, row, strict=True)]
        for title, row in zip(titles, lost.to_numpy(), strict=True)
    ]  # fmt: skip
    limit = max(_FLOOR, float(np.nanquantile(np.abs(lost.to_numpy(dtype=float)), 0.95)))
    layout = {
        "height": 24 * len(titles) + 130,
        "xaxis": {**task_axis(study.tasks), "tickfont": {"size": 10}},
        "yaxis": heat_rows(titles),
    }
    drawn = heat(lost.to_numpy().tolist(), said, limit)
    title = "Skill that each task loses without a feature"
    return Figure("features", title, [drawn], layout, min_width=980)
