"""Trains a stack, scores it, and fits the reference models on the same rows.

Input: a `FitConfig` and a `Stack`. Output: parameters, histories and metrics.
Read `loop.py` first, then `metrics.py` for the scores.
Names that need scikit-learn are loaded on first use.
"""

from typing import TYPE_CHECKING

from hemomodel.lazy import lazy_names
from hemomodel.training.device_data import DeviceStack
from hemomodel.training.fit_config import FitConfig
from hemomodel.training.history import History
from hemomodel.training.loop import Training
from hemomodel.training.metrics import METRICS, ScoringData, scores
from hemomodel.training.scored_rows import ScoredRows

if TYPE_CHECKING:
    from hemomodel.training.fitting import Fit, fit
    from hemomodel.training.reference_models import (
        REFERENCES,
        ReferenceModel,
        fit_references,
        reference_losses,
    )

__all__ = [
    "METRICS",
    "REFERENCES",
    "DeviceStack",
    "Fit",
    "FitConfig",
    "History",
    "ReferenceModel",
    "ScoredRows",
    "ScoringData",
    "Training",
    "fit",
    "fit_references",
    "reference_losses",
    "scores",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Fit": "fitting",
        "REFERENCES": "reference_models",
        "ReferenceModel": "reference_models",
        "fit": "fitting",
        "fit_references": "reference_models",
        "reference_losses": "reference_models",
    },
)
