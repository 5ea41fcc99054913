"""The tables of the winners: scores, curves, cosines, reliability."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hemomodel.arrays import Float64s
from hemomodel.dataset.stack import Stack
from study.analysis.finalists import Finalist
from study.analysis.retrain import RetrainedFinalist
from study.analysis.statistics.reliability_table import reliability_table
from study.store.trial_tables import cosine_table, metric_table

__all__ = ["winner_tables"]

_BAND = (0.05, 0.95)
_MOMENTS = 10  # number of epochs whose cosines are kept


def winner_tables(
    winners: Sequence[tuple[Finalist, RetrainedFinalist]], stacks: Sequence[Stack]
) -> dict[str, pd.DataFrame]:
    """Returns the tables of the winners by file name; they contain no row of a patient.

    Args:
        winners: one per arm and outer fold.
        stacks: the training stacks, one per outer fold.
    """
    tasks = [task.name for task in stacks[0].tasks]
    scores, curves, cosines = [], [], []
    for finalist, result in winners:
        labels: dict[str, Any] = {"arm": finalist.arm, "outer_fold": finalist.outer_fold}
        pairs = stacks[finalist.outer_fold].pairs
        scores.append(metric_table(result.metrics, pairs, tasks).assign(**labels))
        curves += [
            _band(name, values, tasks).assign(**labels) for name, values in result.curves.items()
        ]
        moments = np.unique(np.linspace(0, len(result.cosines) - 1, _MOMENTS).astype(int))
        cosines += [
            cosine_table(result.cosines[moment], tasks).assign(epoch=moment + 1, **labels)
            for moment in moments
        ]
    return {
        "held_out": pd.concat(scores, ignore_index=True),
        "curves": pd.concat(curves, ignore_index=True),
        "cosines": pd.concat(cosines, ignore_index=True),
        "calibration": _reliability(winners, tasks),
    }


def _band(name: str, values: Float64s, tasks: Sequence[str]) -> pd.DataFrame:
    """Returns the mean of a curve (E, R, T) over replicates, and its band of `_BAND` quantiles."""
    epochs = range(1, len(values) + 1)
    index = pd.MultiIndex.from_product([epochs, tasks], names=["epoch", "task"])
    low, high = np.quantile(values, _BAND, axis=1)
    return index.to_frame(index=False).assign(
        metric=name, mean=values.mean(1).ravel(), low=low.ravel(), high=high.ravel()
    )


def _reliability(
    winners: Sequence[tuple[Finalist, RetrainedFinalist]], tasks: Sequence[str]
) -> pd.DataFrame:
    """Returns predicted and observed rates per bin, over all outer folds, without empty bins."""
    totals: dict[str, Float64s] = {}
    for finalist, result in winners:
        known = totals.get(finalist.arm, np.zeros_like(result.reliability))
        totals[finalist.arm] = known + result.reliability
    parts = [reliability_table(sums, tasks).assign(arm=arm) for arm, sums in totals.items()]
    return pd.concat(parts, ignore_index=True)
