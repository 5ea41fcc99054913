"""A blend: task by task a weighted mean of networks and a reference model."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from torch import Tensor

from hemomodel.arrays import Floats
from hemomodel.ensemble.predictor import Predictor
from hemomodel.network.heads import HeadLayout
from hemomodel.schema.entries import Task
from hemomodel.schema.output_slices import is_value_mask, task_slices

__all__ = ["Blend", "blended", "fit_blend"]


class Blend:
    """A `Predictor`: (1 - weight) * networks + weight * reference model, for each replicate.

    Probabilities are averaged, not their logarithms (the linear opinion pool).

    Attributes:
        weights: (K,), the share of the reference model in a column.
        folds: (R,), which replicate of the reference model belongs to each replicate.
    """

    def __init__(
        self, layout: HeadLayout, networks: Predictor, reference: Predictor,
        weights: Floats, folds: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Prepares the mean.

        Args:
            layout: of the K columns.
            networks: with R replicates.
            reference: fitted on the same folds, one replicate per fold.
            weights: (T,), within 0 and 1, from `fit_blend`.
            folds: (R,).
        """
        self.networks, self.reference = networks, reference
        self.weights = torch.from_numpy(weights).to(layout.member.dtype)[layout.task_of]
        self.folds = torch.from_numpy(folds)
        self.replicates = networks.replicates
        self.numbers_per_row = max(networks.numbers_per_row, reference.numbers_per_row)

    def predictions(self, design: Tensor) -> Tensor:
        """Returns probabilities and values (R, m, K) for a design (m, P)."""
        of_networks = self.networks.predictions(design)
        reference = self.reference.predictions(design)[self.folds]
        return of_networks + self.weights * (reference - of_networks)


def fit_blend(
    tasks: Sequence[Task],
    networks: Floats,
    reference: Floats,
    labels: Floats,
    known: NDArray[np.bool_],
) -> Floats:
    """Returns the weights (T,) of the reference model with the lowest loss of the weighted mean.

    A task without a label gets 0. The loss is convex in the weight.

    Args:
        tasks: the T tasks.
        networks: (n, K), natural predictions for rows that were not used in training.
        reference: (n, K), the same of the reference model.
        labels: (n, K), one-hot levels and values.
        known: (n, T), whether a row has a label of a task.
    """
    weights = np.zeros(len(tasks))
    for place, (task, columns) in enumerate(zip(tasks, task_slices(tasks), strict=True)):
        rows = known[:, place]
        if rows.any():
            parts = (
                part[rows, columns].astype(np.float64) for part in (networks, reference, labels)
            )
            weights[place] = _weight(task, *parts)
    return weights


def _weight(task: Task, networks: Floats, reference: Floats, labels: Floats) -> float:
    if not task.is_value:
        networks, reference = np.exp(networks), np.exp(reference)

    def loss(weight: float) -> float:
        mean = networks + weight * (reference - networks)
        if task.kind == "regression":
            return float(np.square(mean - labels).mean())
        if task.kind == "count":
            return float((mean - xlogy(labels, mean)).mean())
        return float(-np.log((mean * labels).sum(1).clip(np.finfo(np.float64).tiny)).mean())

    inside = minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded").x
    return float(min((0.0, 1.0, inside), key=loss))


def blended(tasks: Sequence[Task], networks: Floats, reference: Floats, weights: Floats) -> Floats:
    """Returns the weighted mean (n, K) of natural predictions; see `Blend`.

    Args:
        tasks: the T tasks.
        networks: (n, K).
        reference: (n, K).
        weights: (T,), of the reference model.
    """
    is_value = is_value_mask(tasks)
    share = np.repeat(weights, [task.size for task in tasks])
    values = networks + share * (reference - networks)
    with np.errstate(divide="ignore"):  # the logarithm of a weight of 0
        chances = np.logaddexp(networks + np.log1p(-share), reference + np.log(share))
    mean: Floats = np.where(is_value, values, chances)
    return mean
