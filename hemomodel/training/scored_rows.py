"""The rows that a stack is scored on, with their labels and references."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from hemomodel.arrays import Rows
from hemomodel.network.heads import HeadLayout
from hemomodel.training.metrics import ScoringData, row_losses, row_regret, scores
from hemomodel.typing import Features, Losses, Natural, Outputs, Targets

__all__ = ["ScoredRows", "known_losses", "mean_loss", "padding_mask", "row_weights"]


@dataclass(frozen=True)
class ScoredRows:
    """One set of rows for each replicate.

    Attributes:
        layout: of the outputs.
        features: (R, m, F).
        targets: (R, m, K), in the targets' own scale.
        offset, spread: (R, 1, K), of the targets; see `HeadLayout.natural`.
        scoring_targets: labels, shares, trivial predictor and optimum, in natural units.
        trivial_loss: (R, T), the trivial predictor's loss in the targets' own scale.
    """

    layout: HeadLayout
    features: Features
    targets: Targets
    offset: Tensor
    spread: Tensor
    scoring_targets: ScoringData
    trivial_loss: Losses

    def loss(self, outputs: Outputs) -> Losses:
        """Returns the loss (R, T) of outputs (R, m, K), in the targets' own scale."""
        return mean_loss(self.layout, outputs, self.targets, self.scoring_targets.share)

    def skill(self, outputs: Outputs) -> Tensor:
        """Returns the skill (R, T) of outputs (R, m, K): 1 - loss / trivial predictor's loss."""
        return 1 - self.loss(outputs) / self.trivial_loss

    def natural(self, outputs: Outputs) -> Natural:
        """Returns log probabilities, and values in the task's unit (such as mL/min)."""
        return self.layout.natural(outputs, self.offset, self.spread)

    def metrics(self, outputs: Outputs) -> dict[str, Tensor]:
        """Returns every metric (R, T) of outputs (R, m, K)."""
        return scores(self.layout, self.natural(outputs), self.scoring_targets)

    def row_losses(self, outputs: Outputs) -> Tensor:
        """Returns each row's loss (R, m, T) in natural units; zero where the label is unknown."""
        return known_losses(self.layout, self.natural(outputs), self.scoring_targets)

    def trivial_row_losses(self) -> Tensor:
        """Returns the trivial predictor's loss on each row (R, m, T), in natural units."""
        trivial = self.scoring_targets.trivial.unsqueeze(1).expand_as(self.scoring_targets.labels)
        return known_losses(self.layout, trivial, self.scoring_targets)

    def row_regret(self, outputs: Outputs) -> Tensor | None:
        """Returns each row's expected loss above the oracle's (R, m, T), if the oracle is known.

        It is zero where the label is unknown, so that regret and loss use the same rows.
        """
        if self.scoring_targets.optimum is None:
            return None
        regret = row_regret(self.layout, self.natural(outputs), self.scoring_targets.optimum)
        return _where_known(regret, self.scoring_targets)


def known_losses(layout: HeadLayout, natural: Natural, against: ScoringData) -> Tensor:
    """Returns the loss (R, m, T) of each row's predictions; zero where the label is unknown."""
    return _where_known(row_losses(layout, natural, against.labels), against)


def _where_known(losses: Tensor, against: ScoringData) -> Tensor:
    return losses.where(against.share > 0, 0.0)


def mean_loss(layout: HeadLayout, outputs: Outputs, targets: Targets, share: Tensor) -> Losses:
    """Returns the loss (R, T) of outputs; each row is weighted with its share (R, m, T)."""
    by_column, _ = layout.row_losses(outputs, targets)
    return ((by_column @ layout.member) * share).sum(1)


def padding_mask(rows: Rows, counts: Rows) -> np.ndarray:
    """Returns where a table of row numbers (R, m) is padding."""
    return np.arange(rows.shape[1]) >= counts[:, None]


def row_weights(known: Tensor, is_padding: Tensor) -> Tensor:
    """Returns each row's share (R, m, T) of a task's mean over its labelled rows.

    Args:
        known: (R, m, T), 1 where a row has a label of a task.
        is_padding: (R, m).
    """
    counted = known.masked_fill(is_padding.unsqueeze(2), 0)
    return counted / counted.sum(1, keepdim=True)
