"""The evaluation of the winners as ensembles: tables for the report and the model card.

A winner is exported as one predictor, the ensemble of its replicates. The comparison evaluates
single replicates. This module evaluates the ensemble, on the same held-out rows.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hemomodel.arrays import Float64s
from hemomodel.schema.schema import Schema
from study.analysis.held_out.permutation_importance import permutation_importance, source_columns
from study.analysis.held_out.rows import HeldOutRows, Predicted, Winner
from study.analysis.held_out.subgroup_skill import subgroup_skill
from study.analysis.statistics.reliability_table import reliability_table

__all__ = ["evaluate_winners"]

_STAGES = ("before", "after")


def evaluate_winners(
    schema: Schema,
    feature_set: str,
    winners: Sequence[Winner],
    rows: Sequence[HeldOutRows],
    leading: str,
) -> dict[str, pd.DataFrame]:
    """Returns tables by file name; they contain no row of a patient.

    `ensemble_scores`: arm, outer_fold, task, metric (including `temperature` and
    `reference_weight`), value.
    `ensemble_calibration`: arm, task, stage (before or after the temperature), bin, predicted,
    observed, count. `subgroups`: see `subgroup_skill.py`. `permutation`: arm, outer_fold, task,
    feature, title, title_zh, mean, sd; only of the leading arm, because each arm takes as long.

    Args:
        schema: of the table.
        feature_set: the feature set of the networks.
        winners: one per arm and outer fold.
        rows: the held-out rows, one entry per outer fold.
        leading: the arm with the permutation importance.
    """
    after = [winner.predict(rows[winner.outer_fold].table) for winner in winners]
    before = [winner.untempered(rows[winner.outer_fold].table) for winner in winners]
    losses: dict[str, list[Float64s]] = {}
    for winner, predicted in zip(winners, after, strict=True):
        losses.setdefault(winner.arm, []).append(rows[winner.outer_fold].losses(predicted))
    return {
        "ensemble_scores": _scores(winners, after, rows),
        "ensemble_calibration": _calibration(winners, {"before": before, "after": after}, rows),
        "subgroups": subgroup_skill(schema, rows, losses),
        "permutation": _permutation(schema, feature_set, winners, rows, leading),
    }


def _scores(
    winners: Sequence[Winner], predictions: Sequence[Predicted], rows: Sequence[HeldOutRows]
) -> pd.DataFrame:
    tasks = rows[0].tasks
    index = pd.Index([task.name for task in tasks], name="task")
    value = np.array([task.is_value for task in tasks])
    parts = [
        pd.DataFrame(rows[winner.outer_fold].metrics(predicted), index=index)
        .assign(
            temperature=np.where(value, np.nan, winner.temperatures),
            reference_weight=np.nan
            if winner.reference_weights is None
            else winner.reference_weights,
        )
        .melt(var_name="metric", ignore_index=False)
        .dropna()
        .reset_index()
        .assign(arm=winner.arm, outer_fold=winner.outer_fold)
        for winner, predicted in zip(winners, predictions, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def _calibration(
    winners: Sequence[Winner],
    predictions: Mapping[str, Sequence[Predicted]],
    rows: Sequence[HeldOutRows],
) -> pd.DataFrame:
    tasks = [task.name for task in rows[0].tasks]
    totals: dict[tuple[str, str], Float64s] = {}
    for stage in _STAGES:
        for winner, predicted in zip(winners, predictions[stage], strict=True):
            sums = rows[winner.outer_fold].reliability(predicted)
            key = winner.arm, stage
            totals[key] = totals.get(key, np.zeros_like(sums)) + sums
    parts = [
        reliability_table(sums, tasks).assign(arm=arm, stage=stage)
        for (arm, stage), sums in totals.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _permutation(
    schema: Schema,
    feature_set: str,
    winners: Sequence[Winner],
    rows: Sequence[HeldOutRows],
    leading: str,
) -> pd.DataFrame:
    features = source_columns(schema, feature_set)
    parts = [
        permutation_importance(winner.predict, rows[winner.outer_fold], features).assign(
            arm=winner.arm, outer_fold=winner.outer_fold
        )
        for winner in winners
        if winner.arm == leading
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(
        title=table["feature"].map(schema.titles),
        title_zh=table["feature"].map(schema.second_titles).fillna(""),
    )
