"""Exports a fitted preprocessing as named plain arrays, without code."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from hemomodel.arrays import Float64s

__all__ = ["export_preprocessor"]

_LEARNED = ("statistics_", "mean_", "scale_", "components_")


def export_preprocessor(fitted: ColumnTransformer) -> dict[str, Float64s]:
    """Returns all numbers that a preprocessing learned in `fit`: `block.step.what` -> array."""
    return {
        f"{name}.{attribute}": np.asarray(getattr(step, attribute), dtype=float)
        for name, step in _steps(fitted)
        for attribute in _LEARNED
        if hasattr(step, attribute)
    }


def _steps(model: ColumnTransformer) -> Iterator[tuple[str, Any]]:
    for block, transformer, _ in model.transformers_:
        steps = transformer.steps if isinstance(transformer, Pipeline) else [("only", transformer)]
        yield from ((f"{block}.{name}", step) for name, step in steps)
