"""Held-out rows, which neither the search nor training used, and predictions on them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from hemomodel.arrays import Float64s, Floats, Rows
from hemomodel.cohort.cohort import Cohort
from hemomodel.dataset.stack import Stack
from hemomodel.ensemble.ensemble import average_predictions
from hemomodel.network.heads import HeadLayout
from hemomodel.schema.entries import Task
from hemomodel.training.metrics import ScoringData, row_losses, scores
from hemomodel.training.reliability import reliability
from hemomodel.training.scored_rows import row_weights

__all__ = ["HeldOutRows", "Predict", "Predicted", "Winner", "clusters_of_rows", "held_out_rows"]


def clusters_of_rows(stack: Stack) -> Rows | None:
    """Returns the group of each held-out row, (m,) numbers from 0; None if no group has two rows.

    Args:
        stack: with its held-out rows.
    """
    if stack.groups is None:
        return None
    clusters: Rows = np.unique(stack.groups[stack.test_rows], return_inverse=True)[1]
    return clusters


Predicted: TypeAlias = Floats
Predict: TypeAlias = Callable[[pd.DataFrame], Predicted]


@dataclass(frozen=True)
class Winner:
    """An arm's winner of one outer fold, or an exported reference model, as one predictor.

    Attributes:
        arm: its name; for a reference model, that of its folder.
        outer_fold: the part of the rows that it was not trained on.
        untempered: returns its predictions before calibration.
        predict: returns its calibrated predictions.
        temperatures: (T,), the divisors of log-probabilities in calibration; 1 for values.
        reference_weights: (T,), the share of a reference model in each prediction; None if the
            model has networks only.
    """

    arm: str
    outer_fold: int
    untempered: Predict
    predict: Predict
    temperatures: NDArray[np.floating]
    reference_weights: NDArray[np.floating] | None = None


@dataclass(frozen=True, eq=False)
class HeldOutRows:
    """The held-out rows of one outer fold.

    Attributes:
        tasks: the T tasks.
        table: (m, columns), as in `Cohort.table`.
        labels: (m, K), one-hot levels and values; zero where a label is unknown.
        known: (m, T), whether a row has a label of a task.
        units: (m,), numbers from 0, the same in all rows of one group.
        trivial: (K,), predictions of the trivial predictor: log base rates and means.
    """

    tasks: tuple[Task, ...]
    table: pd.DataFrame
    labels: Float64s
    known: NDArray[np.bool_]
    units: NDArray[np.int64]
    trivial: Float64s

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def layout(self) -> HeadLayout:
        """The layout of the K columns."""
        return HeadLayout(self.tasks, torch.float64)

    def take(self, rows: NDArray[np.int64]) -> "HeldOutRows":
        """Returns some of the rows."""
        return replace(
            self,
            table=self.table.iloc[rows],
            labels=self.labels[rows],
            known=self.known[rows],
            units=self.units[rows],
        )

    def losses(self, predicted: Predicted) -> Float64s:
        """Returns each row's loss (m, T) of natural predictions (m, K); zero if unknown."""
        losses = row_losses(self.layout, _tensor(predicted), _tensor(self.labels))
        return np.asarray(np.where(self.known, losses[0].numpy(), 0.0))

    @cached_property
    def trivial_losses(self) -> Float64s:
        """The trivial predictor's loss on each row (m, T); zero where the label is unknown."""
        return self.losses(np.broadcast_to(self.trivial, self.labels.shape).copy())

    def skill(self, predicted: Predicted) -> Float64s:
        """Returns the share of the trivial predictor's loss that predictions remove, (T,).

        NaN for a task on which the trivial predictor has no loss, for example without labels.
        """
        losses, trivial = self.losses(predicted).sum(0), self.trivial_losses.sum(0)
        none = np.full(trivial.shape, np.nan)
        return np.asarray(1 - np.divide(losses, trivial, out=none, where=trivial > 0))

    def metrics(self, predicted: Predicted) -> dict[str, Float64s]:
        """Returns every metric (T,) of natural predictions (m, K)."""
        metrics = scores(self.layout, _tensor(predicted), self._scored)
        return {name: value[0].numpy() for name, value in metrics.items()}

    def reliability(self, predicted: Predicted) -> Float64s:
        """Returns (T, bins, 3) of natural predictions (m, K); see `training.reliability`."""
        return reliability(self.layout, _tensor(predicted), self._scored)

    @property
    def _scored(self) -> ScoringData:
        known = _tensor(self.known.astype(float))
        share = row_weights(known, torch.zeros(known.shape[:2], dtype=torch.bool))
        return ScoringData(_tensor(self.labels), share, _tensor(self.trivial))


def held_out_rows(cohort: Cohort, stack: Stack) -> HeldOutRows:
    """Returns the held-out rows of a stack that was prepared with them.

    The trivial predictor is the average over the replicates, in the same way as the ensemble.
    """
    rows = stack.test_rows
    groups = clusters_of_rows(stack)
    layout = HeadLayout(stack.tasks, torch.float64)
    trivial = torch.from_numpy(stack.trivial.astype(np.float64)).unsqueeze(1)
    return HeldOutRows(
        tasks=stack.tasks,
        table=cohort.table.iloc[rows].reset_index(drop=True),
        labels=stack.labels[rows].astype(np.float64),
        known=stack.known[rows],
        units=np.arange(len(rows)) if groups is None else groups,
        trivial=average_predictions(layout, trivial)[0].numpy(),
    )


def _tensor(array: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64)).unsqueeze(0)
