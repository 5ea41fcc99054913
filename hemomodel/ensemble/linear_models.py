"""Regularised linear models of R replicates that read one design matrix."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from hemomodel.arrays import Floats
from hemomodel.ensemble.predictor import double_tensor
from hemomodel.network.heads import HeadLayout
from hemomodel.network.likelihoods import poisson_rate
from hemomodel.schema.entries import Task
from hemomodel.training.reference_problem import FittedTask

__all__ = ["LINEAR_ARRAYS", "LinearModels", "linear_arrays"]

LINEAR_ARRAYS = ("weight", "bias", "scale", "shift")
_ABSENT = -1e4  # the logit of a level that scikit-learn was not fitted to: probability 0


class LinearModels:
    """A `Predictor` of ridge, logistic and Poisson regressions.

    Attributes:
        weight: (P, R x K), with the preprocessing folded in.
        bias: (R, 1, K).
        scale, shift: (R, 1, K), see `training.reference_problem.FittedTask`.
        is_count: (K,) bool.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        preprocessing: tuple[Floats, Floats],
        arrays: Mapping[str, Floats],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Folds the preprocessing into the weights, in double precision.

        Args:
            tasks: T tasks, with K outputs.
            preprocessing: map (R, P, F) and shift (R, F), from `folded_preprocessing`.
            arrays: by the names of `LINEAR_ARRAYS`, from `linear_arrays`.
            dtype: of the computation.
        """
        self.layout = HeadLayout(tasks, dtype)
        linear, moved = (torch.from_numpy(part) for part in preprocessing)
        weight, bias, scale, shift = (double_tensor(arrays[name]) for name in LINEAR_ARRAYS)
        bias = bias + torch.einsum("rf,rfk->rk", moved, weight)
        self.weight = torch.einsum("rpf,rfk->prk", linear, weight).flatten(1).to(dtype)
        self.bias, self.scale, self.shift = (
            part.unsqueeze(1).to(dtype) for part in (bias, scale, shift)
        )
        self.is_count = torch.tensor([t.kind == "count" for t in tasks])[self.layout.task_of]
        self.replicates = len(bias)
        self.numbers_per_row = self.weight.shape[1]

    def predictions(self, design: Tensor) -> Tensor:
        """Returns probabilities and values (R, m, K) for a design (m, P)."""
        outputs = (design @ self.weight).view(len(design), self.replicates, -1).transpose(0, 1)
        outputs = outputs + self.bias
        values = torch.where(self.is_count, poisson_rate(outputs), outputs)
        chances = self.layout.log_probabilities(outputs).exp()
        predicted = torch.where(self.layout.is_value, values, chances)
        return predicted * self.scale + self.shift


def linear_arrays(fitted: Sequence[Sequence[FittedTask]], width: int) -> dict[str, Floats]:
    """Returns the arrays of fitted linear models, by the names of `LINEAR_ARRAYS`.

    weight is (R, F, K); bias, scale and shift are (R, K).

    Args:
        fitted: R replicates of T tasks.
        width: F.
    """
    parts = [[_task_arrays(task, width) for task in tasks] for tasks in fitted]
    return {
        name: np.stack([np.concatenate([part[place] for part in row], axis=-1) for row in parts])
        for place, name in enumerate(LINEAR_ARRAYS)
    }


def _task_arrays(task: FittedTask, width: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Returns weight (F, k), and bias, scale and shift (k,), of one task."""
    size = len(task.scale)
    weight, bias = np.zeros((width, size)), np.full(size, 0.0 if task.is_value else _ABSENT)
    if task.estimator is None:
        return weight, np.zeros(size), np.zeros(size), task.shift
    coefficients, intercepts = task.estimator.coef_, np.ravel(task.estimator.intercept_)
    coefficients = coefficients.reshape(-1, width)
    if not task.is_value and len(coefficients) == 1:  # of the second of two levels
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([np.zeros(1), intercepts])
    weight[:, task.columns], bias[task.columns] = coefficients.T, intercepts
    return weight, bias, task.scale, task.shift
