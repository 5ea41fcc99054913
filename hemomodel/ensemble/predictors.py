"""Prepares the predictors of a fitted model: its networks, its reference model, or their blend."""

import numpy as np
import torch

from hemomodel.arrays import Floats
from hemomodel.dataset.design_matrix import folded_preprocessing
from hemomodel.ensemble.blend import Blend
from hemomodel.ensemble.fitted_model import FittedModel, ReferencePart
from hemomodel.ensemble.linear_models import LinearModels
from hemomodel.ensemble.networks import Networks
from hemomodel.ensemble.predictor import Predictor
from hemomodel.network.heads import HeadLayout

__all__ = ["networks_of", "predictor_of", "reference_of"]


def predictor_of(fitted: FittedModel, dtype: torch.dtype) -> Predictor:
    """Returns the predictor of a model.

    Args:
        fitted: the stored part of the model.
        dtype: of the predictions.
    """
    if fitted.reference is None:
        return networks_of(fitted, dtype)
    reference = reference_of(fitted, fitted.reference, dtype)
    if not fitted.layers:
        return reference
    layout = HeadLayout(fitted.schema.tasks, dtype)
    networks, weights = networks_of(fitted, dtype), fitted.reference.weights
    return Blend(layout, networks, reference, weights, fitted.committees)


def networks_of(fitted: FittedModel, dtype: torch.dtype) -> Predictor:
    """Returns the predictor of the networks alone; see `predictor_of`."""
    scale = fitted.offset, fitted.spread
    return Networks(fitted.schema.tasks, _preprocessing(fitted), fitted.layers, scale, dtype)


def reference_of(fitted: FittedModel, part: ReferencePart, dtype: torch.dtype) -> Predictor:
    """Returns the predictor of a reference model alone; see `predictor_of`.

    Args:
        fitted: the stored part of the model.
        part: its reference model, or another for the same folds.
        dtype: of the predictions.
    """
    preprocessing = _preprocessing(fitted, len(np.unique(fitted.committees)))
    if part.linear is not None:
        return LinearModels(fitted.schema.tasks, preprocessing, part.linear, dtype)
    from hemomodel.ensemble.forests import Forests  # imports ONNX Runtime (slow)

    assert part.forest is not None  # noqa: S101 - one of the two is there
    return Forests(preprocessing, part.forest, dtype)


def _preprocessing(fitted: FittedModel, count: int | None = None) -> tuple[Floats, Floats]:
    """Returns the preprocessing of the first `count` replicates, by default of all."""
    count = count or len(fitted.committees)
    learned = {name: array[:count] for name, array in fitted.learned.items()}
    return folded_preprocessing(fitted.schema, fitted.feature_set, fitted.design, learned, count)
