"""Which features an ensemble leans on: a map of features and tasks, and its numbers."""

import numpy as np
import pandas as pd

from study.permutation import MOST
from study.report.blocks import Cell, Table, head
from study.report.plot import Figure, heat, heat_rows
from study.report.reading import Study
from study.report.tasks import task_axis
from study.report.words import both, label, number, titled

__all__ = ["feature_map", "feature_table", "leanings"]

_FLOOR = 0.05  # a scale narrower than this would make much of nothing


def leanings(study: Study) -> pd.DataFrame:
    """Returns mean and sd over outer folds: feature, title, title_zh, task, mean, sd.

    The feature that matters most over all tasks comes first.
    """
    table = study.tables["permutation"]
    keys = ["feature", "title", "title_zh", "task"]
    folds = table.groupby(keys, sort=False)[["mean", "sd"]].mean().reset_index()
    order = folds.groupby("feature")["mean"].mean().sort_values(ascending=False).index
    place = folds["feature"].map({name: place for place, name in enumerate(order)})
    return folds.assign(place=place).sort_values("place", kind="stable").drop(columns="place")


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


def feature_table(study: Study) -> Table:
    """Returns one row a feature and one column a task, with the SD over shuffles."""
    table = leanings(study)
    heads = [head(task) for task in study.tasks]
    rows = []
    for _, own in table.groupby("feature", sort=False):
        first = own.iloc[0]
        found = own.set_index("task").reindex([task.name for task in study.tasks])
        cells = [
            Cell(number(mean), "" if pd.isna(sd) else f"± {number(sd)}")
            for mean, sd in zip(found["mean"], found["sd"], strict=True)
        ]
        rows.append((Cell(both(first["title"], first["title_zh"])), *cells))
    note = f"Mean and SD over ten shuffles of at most {MOST:,} held-out rows of each outer fold."
    title = "Skill lost by each feature, in numbers"
    return Table(title, (Cell("feature"), *heads), tuple(rows), note, folded=True)
