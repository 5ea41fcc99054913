"""Transformers from patient state to feature matrix, to be fitted only on training rows."""

from collections.abc import Iterator
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from hemomodel.dataset.encoders import MissingMarks, QuantileBins, QuantileRanks
from hemomodel.errors import InputError
from hemomodel.schema.columns import slug
from hemomodel.schema.entries import FeatureBlock
from hemomodel.schema.schema import Schema

__all__ = [
    "PaddedPCA",
    "block_codes",
    "block_inputs",
    "block_names",
    "block_width",
    "build_preprocessor",
    "feature_blocks",
    "feature_names",
]

_NO_VARIANCE = 1e-9  # relative to the largest variance; below it, a component is rounding error


class PaddedPCA(TransformerMixin, BaseEstimator):
    """Principal components, always in `width` columns.

    If there are too few rows, or the columns vary too little, the remaining components are zero.
    Otherwise they would be arbitrary directions, with arbitrary scores for rows outside the
    training set.
    """

    def __init__(self, width: int = 10) -> None:
        self.width = width

    def fit(self, X: np.ndarray, y: object = None) -> Self:  # noqa: N803 -- scikit-learn's
        """Fits the components of X (n, p)."""
        self.mean_ = X.mean(axis=0)
        self.components_ = np.zeros((self.width, X.shape[1]))
        if np.ptp(X, axis=0).any():
            count = min(self.width, *X.shape)
            pca = PCA(count, svd_solver="covariance_eigh").fit(X)
            real = pca.explained_variance_ > _NO_VARIANCE * pca.explained_variance_[0]
            self.components_[:count][real] = pca.components_[real]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803 -- scikit-learn's
        """Returns (n, width) scores."""
        # Not a matrix product: its last bits depend on the number of rows.
        scores: np.ndarray = np.einsum("np,wp->nw", X - self.mean_, self.components_)
        return scores


def build_preprocessor(schema: Schema, feature_set: str = "default") -> ColumnTransformer:
    """Returns the unfitted transformer of a feature set: `Cohort.table` -> (n, F) float64.

    Numbers and flags are imputed by the mean; a missing category has zeros for all its codes. Ranks
    and positions in bins are imputed after the encoding, by their own means, so that the quantiles
    are those of known values. The marks of missing values follow the other features of their block.
    Everything is learned in `fit`, so fit it on training rows.

    Raises:
        InputError: the schema has no such feature set.
    """
    blocks = feature_blocks(schema, feature_set)
    return ColumnTransformer(
        [
            (f"{place}_{name}", transformer, list(block_inputs(schema, block)))
            for place, block in enumerate(blocks)
            for name, transformer in _transformers(schema, block)
        ],
        sparse_threshold=0,
    )


def feature_names(schema: Schema, feature_set: str = "default") -> tuple[str, ...]:
    """Returns the F feature names of `build_preprocessor`, in order, such as "gender_female".

    Raises:
        InputError: the schema has no such feature set.
    """
    return tuple(
        name
        for block in feature_blocks(schema, feature_set)
        for name in (*block_names(schema, block), *_mark_names(schema, block))
    )


def feature_blocks(schema: Schema, feature_set: str) -> tuple[FeatureBlock, ...]:
    """Returns the blocks of a feature set, in order.

    Raises:
        InputError: the schema has no such feature set.
    """
    name = schema.feature_set_name(feature_set)
    if name not in schema.blocks_by_set:
        raise InputError(
            f"schema {schema.name!r} has no feature set {name!r}; "
            f"use one of: {', '.join(schema.blocks_by_set)}"
        )
    return schema.blocks_by_set[name]


def block_inputs(schema: Schema, block: FeatureBlock) -> tuple[str, ...]:
    """Returns the columns of `Cohort.table` that a block reads."""
    expanded = {name: column.table_columns for name, column in schema.read.items()}
    return tuple(part for name in block.columns for part in expanded.get(name, (name,)))


def block_width(schema: Schema, block: FeatureBlock) -> int:
    """Returns the number of features of a block, without creating their names."""
    if block.encode == "one_hot":
        return sum(map(len, block_codes(schema, block)))
    inputs = len(block_inputs(schema, block))
    width = block.components or inputs * (block.bins or 1)
    return width + (inputs if block.missing == "mark" else 0)


def block_codes(schema: Schema, block: FeatureBlock) -> list[list[str]]:
    """Returns the codes of each column of a `one_hot` block, in the order of its features."""
    return [list(block.codes or schema.read[name].codes) for name in block.columns]


def block_names(schema: Schema, block: FeatureBlock) -> list[str]:
    """Returns the names of a block's features, without marks of missing values."""
    if block.encode == "pca":
        return [f"{block.columns[0]}_pc{place + 1}" for place in range(block.components)]
    if block.encode == "one_hot":
        return [
            f"{name}_{part}"
            for name, codes in zip(block.columns, block_codes(schema, block), strict=True)
            for part in _parts([schema.read[name].codes[code] for code in codes])
        ]
    inputs = block_inputs(schema, block)
    match block.encode:
        case "quantile":
            return [f"{name}_rank" for name in inputs]
        case "piecewise_linear":
            return [f"{name}_bin{place + 1}" for name in inputs for place in range(block.bins)]
    return list(inputs)


def _mark_names(schema: Schema, block: FeatureBlock) -> list[str]:
    inputs = block_inputs(schema, block) if block.missing == "mark" else ()
    return [f"{name}_missing" for name in inputs]


def _parts(meanings: list[str]) -> list[str]:
    """Returns a name per code: its meaning, or its position if the meaning is not unique."""
    parts = [slug(meaning) for meaning in meanings]
    return [
        part if part and parts.count(part) == 1 else f"{place}"
        for place, part in enumerate(parts, 1)
    ]


def _transformers(
    schema: Schema, block: FeatureBlock
) -> Iterator[tuple[str, Pipeline | OneHotEncoder]]:
    """Yields the transformers of a block, with their names."""
    if block.encode == "one_hot":
        codes = block_codes(schema, block)
        encoder = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
        yield block.encode, encoder
        return
    imputer = SimpleImputer(keep_empty_features=True)
    match block.encode:
        case "pca":
            yield block.encode, make_pipeline(imputer, PaddedPCA(block.components))
        case "standardize":
            yield block.encode, make_pipeline(imputer, StandardScaler())
        case "quantile":
            yield block.encode, make_pipeline(QuantileRanks(), imputer, StandardScaler())
        case "piecewise_linear":
            yield block.encode, make_pipeline(QuantileBins(block.bins), imputer, StandardScaler())
    if block.missing == "mark":
        yield "marks", make_pipeline(MissingMarks())
