"""The features that an ensemble depends on: the skill that each task loses without a feature.

A feature is a column of the table, a derived feature, or a complete list of codes. The feature is
shuffled over the held-out rows, so that it has no information. The skill that is lost is its
importance (Breiman, Machine Learning 45, 2001; Fisher, Rudin & Dominici, JMLR 20, 2019).
Information that two features share is not fully counted for either of them.
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
_KEPT = 100  # labelled rows of each task that are kept, if labels are rare
MAX_ROWS = 1000
"""The most held-out rows that are shuffled: more rows take more time with the same result."""


class _Gathering(BaseEstimator):
    """Predicts rows that are combined from other rows, feature by feature.

    X has row numbers, (m, sources). With them, columns of any type, and several columns of one
    feature, are shuffled together.
    """

    def __init__(
        self, predict: Predict, table: pd.DataFrame, sources: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.predict_table, self.table, self.sources = predict, table, sources

    def fit(self, rows: Rows, y: object = None) -> Self:
        """Does nothing: the ensemble is already fitted."""
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
    """Returns the features of a feature set: feature -> its columns in `Cohort.table`."""
    blocks = schema.blocks_by_set[schema.feature_set_name(feature_set)]
    names = dict.fromkeys(name for block in blocks for name in block.columns)
    return {
        name: schema.read[name].table_columns if name in schema.read else (name,) for name in names
    }


def permutation_importance(
    predict: Predict, rows: HeldOutRows, features: Mapping[str, tuple[str, ...]], *, seed: int = 0
) -> pd.DataFrame:
    """Returns the loss of skill per task and shuffled feature: task, feature, mean, sd.

    Args:
        predict: an ensemble's predictions.
        rows: to score on; at most `MAX_ROWS` of them are used, drawn at random. A task has no
            importance if the trivial predictor has no loss on these rows.
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
    """Returns the rows to score on, at most `MAX_ROWS`: random, with rows of rare labels first.

    Args:
        tells: (m, T), whether the trivial predictor has a loss on a row.
        random: the generator.
    """
    order = random.permutation(len(tells))
    shuffled = tells[order]
    rest = min(_KEPT, MAX_ROWS // shuffled.shape[1])
    first = (shuffled & (shuffled.cumsum(0) <= rest)).any(1)
    return np.sort(order[np.argsort(~first, kind="stable")][:MAX_ROWS])
