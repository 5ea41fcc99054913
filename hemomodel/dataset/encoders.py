"""Encoders of numbers, as scikit-learn transformers; they learn only in `fit`.

Their width never depends on the rows, so that the features of all replicates have one shape.
"""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin

from hemomodel.arrays import Float64s

__all__ = ["RANK_KNOTS", "MissingMarks", "QuantileBins", "QuantileRanks", "interpolate"]

RANK_KNOTS = 33  # quantiles 0, 1/32, ..., 1
_ROUNDING = 1e-12  # share of a column's largest quantile: quantiles closer than this are equal


class _PiecewiseLinear(TransformerMixin, BaseEstimator):
    """Features between 0 and 1, each a piecewise linear function of one column.

    A missing value stays missing.

    Attributes:
        knots_, heights_: (F, K), see `interpolate`.
    """

    knots_: Float64s
    heights_: Float64s

    def transform(self, X: ArrayLike) -> Float64s:  # noqa: N803 -- scikit-learn's
        """Returns (n, F) features of (n, q) columns."""
        return interpolate(np.asarray(X, dtype=np.float64), self.knots_, self.heights_)


class QuantileRanks(_PiecewiseLinear):
    """The rank of a value among the known values of the training rows, from 0 to 1.

    It is interpolated between 33 quantiles, as in scikit-learn's QuantileTransformer. Values that
    many rows share have the mean of their ranks, and the function is continuous there too.
    """

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803 -- scikit-learn's
        """Learns the quantiles of each column of X (n, q)."""
        self.knots_ = _quantiles(np.asarray(X, dtype=np.float64), RANK_KNOTS)
        self.heights_ = np.stack([_mean_ranks(knots) for knots in self.knots_])
        return self


class QuantileBins(_PiecewiseLinear):
    """Piecewise-linear encoding (Gorishniy et al., NeurIPS 2022, section 3.2), clipped.

    The edges of the bins are quantiles of the training rows. There is one feature per bin: the
    position of the value in the bin, 0 below it and 1 above it. In the paper, the first and the
    last bin are not clipped; here, values beyond the training rows are encoded like their extremes.
    A bin between two equal quantiles has the feature 0.
    """

    def __init__(self, bins: int = 2) -> None:
        self.bins = bins

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803 -- scikit-learn's
        """Learns the edges of the bins of each column of X (n, q)."""
        edges = _quantiles(np.asarray(X, dtype=np.float64), self.bins + 1)
        low, high = edges[:, :-1].ravel(), edges[:, 1:].ravel()
        self.knots_ = np.stack([low, high], axis=1)
        self.heights_ = np.stack([np.zeros_like(low), (high > low).astype(np.float64)], axis=1)
        return self


def interpolate(values: Float64s, knots: Float64s, heights: Float64s) -> Float64s:
    """Returns F features (n, F) of q columns; a missing value has missing features.

    Feature f reads column f // (F / q). It is linear between its knots and constant outside them.

    Args:
        values: (n, q).
        knots: (F, K), in ascending order. Equal knots have one height.
        heights: (F, K), the values of the features at their knots, from 0 to 1.
    """
    features = np.empty((len(knots), len(values)))
    for place, (x, y) in enumerate(zip(knots, heights, strict=True)):
        first = np.diff(x, prepend=-np.inf) > 0
        column = values[:, place * values.shape[1] // len(knots)]
        features[place] = np.interp(column, x[first], y[first])
        features[place, np.isnan(column)] = np.nan
    return features.clip(0.0, 1.0).T


def _quantiles(X: Float64s, count: int) -> Float64s:  # noqa: N803 -- scikit-learn's
    """Returns `count` quantiles of the known values of each column, from least to largest.

    Quantiles that differ only by rounding are made equal. A column without values has zeros.
    """
    quantiles = np.zeros((X.shape[1], count))
    for row, column in zip(quantiles, X.T, strict=True):
        known = column[~np.isnan(column)]
        if not len(known):
            continue
        row[:] = np.quantile(known, np.linspace(0, 1, count))
        rises = np.diff(row, prepend=row[0]) > _ROUNDING * np.abs(row).max()
        row[:] = row[np.maximum.accumulate(np.where(rises, np.arange(count), 0))]
    return quantiles


def _mean_ranks(quantiles: Float64s) -> Float64s:
    """Returns the rank of each quantile, from 0 to 1; equal quantiles have their mean rank.

    If all are equal, the ranks are 0, so that a column that was always missing has a constant
    feature also where a value is known later.
    """
    if quantiles[0] == quantiles[-1]:
        return np.zeros_like(quantiles)
    _, group = np.unique(quantiles, return_inverse=True)
    ranks = np.linspace(0, 1, len(quantiles))
    means: Float64s = (np.bincount(group, ranks) / np.bincount(group))[group]
    return means


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
