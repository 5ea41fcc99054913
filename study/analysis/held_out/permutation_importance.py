"""Which features an ensemble leans on: what each task loses when one of them is shuffled.

A feature is a column of the table, a derived feature, or a list of codes as a whole. Shuffled over
the held-out rows, it tells nothing, and the skill that is lost is its importance (Breiman, Machine
Learning 45, 2001; Fisher, Rudin & Dominici, JMLR 20, 2019). What two features both tell is credited
to neither in full.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import inspection
from sklearn.base import BaseEstimator

from hemomodel.arrays import Rows
from hemomodel.schema.schema import Schema
from study.analysis.held_out.rows import HeldOutRows, Predict, Predicted

__all__ = ["MAX_ROWS", "permutation_importance", "source_columns"]

_REPEATS = 10
_KEPT = 100  # labelled rows of each task, where they are rare
MAX_ROWS = 1000
"""Held-out rows that are shuffled: more would cost time and tell the same."""


class _Gathering(BaseEstimator):
    """Predicts rows that are put together of others, feature by feature.

    Its X are row numbers (m, sources), so that columns of any kind, and several at once, are
    shuffled as one.
    """

    def __init__(
        self, predict: Predict, table: pd.DataFrame, sources: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.predict_table, self.table, self.sources = predict, table, sources

    def fit(self, rows: Rows, y: object = None) -> Self:
        """Does nothing: the ensemble is fitted."""
        return self

    def predict(self, rows: Rows) -> Predicted:
        """Returns natural predictions (m, K)."""
        moved = (rows != np.arange(len(rows))[:, None]).any(0)
        table = self.table.copy()
        for place, names in enumerate(self.sources.values()):
            for name in names if moved[place] else ():
                table[name] = self.table[name].array[rows[:, place]]
        return self.predict_table(table)


def source_columns(schema: Schema, feature_set: str) -> dict[str, tuple[str, ...]]:
    """Returns what a feature set is made of: feature -> its columns in `Cohort.table`."""
    blocks = schema.blocks_by_set[schema.feature_set_name(feature_set)]
    names = dict.fromkeys(name for block in blocks for name in block.columns)
    return {
        name: schema.read[name].table_columns if name in schema.read else (name,) for name in names
    }


def permutation_importance(
    predict: Predict, rows: HeldOutRows, features: Mapping[str, tuple[str, ...]], *, seed: int = 0
) -> pd.DataFrame:
    """Returns what each task's skill loses by each feature: task, feature, mean, sd.

    Args:
        predict: an ensemble's predictions.
        rows: to score on; of many, some that are drawn at random. A task whose labels tell nothing
            there has no importance.
        features: name -> its columns in the table.
        seed: of the shuffling.
    """
    rows = rows.take(_some(rows.trivial_losses > 0, np.random.default_rng(seed)))
    place = np.arange(len(rows))
    told = np.any(rows.trivial_losses > 0, axis=0)
    names = [task.name for task, tells in zip(rows.tasks, told, strict=True) if tells]

    def skills(model: _Gathering, gathered: Rows, _: object) -> dict[str, float]:
        return dict(zip(names, rows.skill(model.predict(gathered))[told], strict=True))

    importance = inspection.permutation_importance(
        _Gathering(predict, rows.table, features),
        np.repeat(place[:, None], len(features), axis=1),
        place,
        scoring=skills,
        n_repeats=_REPEATS,
        random_state=seed,
    )
    parts = [
        pd.DataFrame(
            {
                "task": task,
                "feature": list(features),
                "mean": importance[task].importances_mean,
                "sd": importance[task].importances_std,
            }
        )
        for task in names
    ]
    return pd.concat(parts, ignore_index=True)


def _some(tells: NDArray[np.bool_], random: np.random.Generator) -> Rows:
    """Returns which rows to score on, at most `MAX_ROWS`: at random, but rare labels first.

    Args:
        tells: (m, T), whether a row has a label to be wrong about.
        random: the numbers.
    """
    order = random.permutation(len(tells))
    shuffled = tells[order]
    rest = min(_KEPT, MAX_ROWS // shuffled.shape[1])
    first = (shuffled & (shuffled.cumsum(0) <= rest)).any(1)
    return np.sort(order[np.argsort(~first, kind="stable")][:MAX_ROWS])
