"""Regularised linear models as a reference model."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, RidgeCV

from hemomodel.training.reference_problem import (
    FittedTask,
    Problem,
    fit_estimator,
    inner_folds,
)

__all__ = ["linear"]

# Whole decades: with half decades, inner folds of a few hundred rows choose a worse strength.
_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)  # C of the logistic regression
_PENALTIES = np.logspace(-1, 5, 13)  # of the ridge regression
_SHRINKAGES = np.logspace(-4, 1, 6)  # of the Poisson regression, for counts with mean one


def linear(problem: Problem) -> FittedTask:
    """Fits ridge, logistic or Poisson regression; inner cross-validation chooses the penalty."""
    if problem.levels:
        models = [LogisticRegression(C=strength, max_iter=1000) for strength in _STRENGTHS]
    elif problem.is_count:
        models = [PoissonRegressor(alpha=alpha, max_iter=1000) for alpha in _SHRINKAGES]
    elif problem.whole_groups is None:  # RidgeCV has leave-one-out in closed form
        return fit_estimator(RidgeCV(_PENALTIES), problem)
    else:
        models = [Ridge(alpha=penalty) for penalty in _PENALTIES]
    folds = list(inner_folds(problem))

    def loss(model: Any) -> float:
        return float(np.mean([fit_estimator(model, a).loss(b) for a, b in folds]))

    return fit_estimator(min(models, key=loss), problem)
