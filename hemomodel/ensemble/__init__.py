"""Makes one predictor from the networks of a stack: averaged, calibrated, with conformal sets.

Input: trained parameters. Output: an `Ensemble` with temperatures, conformal scores and a training
domain. Read `build.py` first, then `ensemble.py`.
Names that need torch, SciPy or scikit-learn are loaded on first use.
"""

from typing import TYPE_CHECKING

from hemomodel.ensemble.conformal import ConformalScores, check_coverage, interval, level_sets
from hemomodel.lazy import lazy_names

if TYPE_CHECKING:
    from hemomodel.ensemble.build import build_model
    from hemomodel.ensemble.ensemble import Ensemble, average_predictions
    from hemomodel.ensemble.fitted_model import FittedModel
    from hemomodel.ensemble.out_of_distribution import TrainingDomain, fit_domain, novelty_reasons
    from hemomodel.ensemble.temperature_scaling import apply_temperatures, fit_temperatures

__all__ = [
    "ConformalScores",
    "Ensemble",
    "FittedModel",
    "TrainingDomain",
    "apply_temperatures",
    "average_predictions",
    "build_model",
    "check_coverage",
    "fit_domain",
    "fit_temperatures",
    "interval",
    "level_sets",
    "novelty_reasons",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Ensemble": "ensemble",
        "FittedModel": "fitted_model",
        "TrainingDomain": "out_of_distribution",
        "apply_temperatures": "temperature_scaling",
        "average_predictions": "ensemble",
        "build_model": "build",
        "fit_domain": "out_of_distribution",
        "fit_temperatures": "temperature_scaling",
        "novelty_reasons": "out_of_distribution",
    },
)
