"""Encoders of numbers, as scikit-learn transformers; they learn only in `fit`.

Their width never depends on the rows, so that the features of all replicates have one shape.
"""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin

from hemomodel.arrays import Float64s

__all__ = ["MissingMarks"]


class MissingMarks(TransformerMixin, BaseEstimator):
    """One feature per column: 1 where the value is missing, 0 where it is known.

    The feature is always 0 if the training rows lack the column in no row or in every row. They
    cannot show what a missing value means there, so the weight of the feature would be arbitrary.
    """

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803 -- scikit-learn's
        """Learns `marked_` (q,), 1 for a column that is missing in a part of the rows (n, q)."""
        absent = np.isnan(np.asarray(X, dtype=np.float64))
        marked = absent.any(axis=0) & ~absent.all(axis=0)
        self.marked_: Float64s = np.asarray(marked, dtype=np.float64)
        return self

    def transform(self, X: ArrayLike) -> Float64s:  # noqa: N803 -- scikit-learn's
        """Returns (n, q)."""
        marks: Float64s = np.isnan(np.asarray(X, dtype=np.float64)) * self.marked_
        return marks
