"""The table of permutation importance per feature and task."""

import pandas as pd

from study.analysis.held_out.permutation_importance import MAX_ROWS
from study.report.components.blocks import Cell, Table, task_header
from study.report.formatting import bilingual, number
from study.report.load import LoadedStudy

__all__ = ["feature_importance", "feature_table"]


def feature_importance(study: LoadedStudy) -> pd.DataFrame:
    """Returns mean and sd over outer folds: feature, title, title_zh, task, mean, sd.

    The feature with the greatest mean over all tasks comes first.
    """
    table = study.tables["permutation"]
    keys = ["feature", "title", "title_zh", "task"]
    folds = table.groupby(keys, sort=False)[["mean", "sd"]].mean().reset_index()
    order = folds.groupby("feature")["mean"].mean().sort_values(ascending=False).index
    place = folds["feature"].map({name: place for place, name in enumerate(order)})
    return folds.assign(place=place).sort_values("place", kind="stable").drop(columns="place")


def feature_table(study: LoadedStudy) -> Table:
    """Returns one row per feature and one column per task, with the SD over shuffles."""
    table = feature_importance(study)
    heads = [task_header(task) for task in study.tasks]
    rows = []
    for _, rows_of_feature in table.groupby("feature", sort=False):
        first = rows_of_feature.iloc[0]
        losses = rows_of_feature.set_index("task").reindex([task.name for task in study.tasks])
        cells = [
            Cell(number(mean), "" if pd.isna(sd) else f"± {number(sd)}")
            for mean, sd in zip(losses["mean"], losses["sd"], strict=True)
        ]
        rows.append((Cell(bilingual(first["title"], first["title_zh"])), *cells))
    note = f"Mean and SD over ten shuffles, on at most {MAX_ROWS:,} held-out rows per outer fold."
    title = "Loss of skill per feature"
    return Table(title, (Cell("feature"), *heads), tuple(rows), note, folded=True)
