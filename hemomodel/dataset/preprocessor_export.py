"""Exports a fitted preprocessing as named plain arrays, without code, and declares their shapes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from hemomodel.arrays import Float64s
from hemomodel.dataset.encoders import RANK_KNOTS
from hemomodel.dataset.preprocessor import block_inputs, feature_blocks
from hemomodel.schema.schema import Schema

__all__ = ["export_preprocessor", "learned_shapes"]

_LEARNED = ("statistics_", "mean_", "scale_", "components_", "marked_", "knots_", "heights_")


def export_preprocessor(fitted: ColumnTransformer) -> dict[str, Float64s]:
    """Returns all numbers that a preprocessing learned in `fit`: `block.step.what` -> array."""
    return {
        f"{name}.{attribute}": np.asarray(getattr(step, attribute), dtype=float)
        for name, step in _steps(fitted)
        for attribute in _LEARNED
        if hasattr(step, attribute)
    }


def learned_shapes(schema: Schema, feature_set: str) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the numbers of one fitted preprocessing, by name.

    Raises:
        InputError: the schema has no such feature set.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for place, block in enumerate(feature_blocks(schema, feature_set)):
        name, count = f"{place}_{block.encode}", len(block_inputs(schema, block))
        if block.encode == "one_hot":
            continue
        width = count * (block.bins or 1)  # of the imputer
        shapes[f"{name}.simpleimputer.statistics_"] = (width,)
        if block.encode == "pca":
            shapes[f"{name}.paddedpca.mean_"] = (count,)
            shapes[f"{name}.paddedpca.components_"] = (block.components, count)
        else:
            shapes[f"{name}.standardscaler.mean_"] = (width,)
            shapes[f"{name}.standardscaler.scale_"] = (width,)
        if block.encode == "quantile":
            shapes[f"{name}.quantileranks.knots_"] = (width, RANK_KNOTS)
            shapes[f"{name}.quantileranks.heights_"] = (width, RANK_KNOTS)
        if block.encode == "piecewise_linear":
            shapes[f"{name}.quantilebins.knots_"] = (width, 2)
            shapes[f"{name}.quantilebins.heights_"] = (width, 2)
        if block.missing == "mark":
            shapes[f"{place}_marks.missingmarks.marked_"] = (count,)
    return shapes


def _steps(model: ColumnTransformer) -> Iterator[tuple[str, Any]]:
    for block, transformer, _ in model.transformers_:
        steps = transformer.steps if isinstance(transformer, Pipeline) else [("only", transformer)]
        yield from ((f"{block}.{name}", step) for name, step in steps)
