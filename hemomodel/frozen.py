"""A fitted preprocessing as named plain arrays, and back, with no code stored."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from hemomodel.features import preprocessor
from hemomodel.schema import Schema

__all__ = ["freeze", "thaw"]

_LEARNED = ("statistics_", "mean_", "scale_", "components_")


def freeze(fitted: ColumnTransformer) -> dict[str, NDArray[np.float64]]:
    """Returns all that a fitted preprocessing learned from its rows: `block.step.what` -> array."""
    return {
        f"{name}.{attribute}": np.asarray(getattr(step, attribute), dtype=float)
        for name, step in _steps(fitted)
        for attribute in _LEARNED
        if hasattr(step, attribute)
    }


def thaw(
    schema: Schema,
    feature_set: str,
    learned: Mapping[str, NDArray[np.float64]],
    table: pd.DataFrame,
) -> ColumnTransformer:
    """Returns a preprocessing that does what the frozen one did.

    Args:
        schema: the one it was fitted with.
        feature_set: likewise.
        learned: what `freeze` returned.
        table: any rows with the schema's columns; they only give the transformer its form.
    """
    model = preprocessor(schema, feature_set).fit(table)
    for name, step in _steps(model):
        for attribute in _LEARNED:
            if hasattr(step, attribute):
                setattr(step, attribute, np.asarray(learned[f"{name}.{attribute}"]))
    return model


def _steps(model: ColumnTransformer) -> Iterator[tuple[str, Any]]:
    for block, transformer, _ in model.transformers_:
        steps = transformer.steps if isinstance(transformer, Pipeline) else [("only", transformer)]
        yield from ((f"{block}.{name}", step) for name, step in steps)
