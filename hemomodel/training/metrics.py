"""Scores of each replicate and task, in the task's own unit.

Every score is (R, T). A score that a task does not have, such as the accuracy of a flow, is NaN.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hemomodel.network.heads import HeadLayout
from hemomodel.network.padded_blocks import PaddedBlocks
from hemomodel.typing import Natural

__all__ = ["METRICS", "ScoringData", "row_losses", "row_regret", "scores"]

METRICS = (
    "skill",
    "cross_entropy",
    "accuracy",
    "balanced_accuracy",
    "ordinal_mae",
    "mae",
    "rmse",
    "r2",
    "regret",
)


@dataclass(frozen=True)
class ScoringData:
    """The labels and references that outputs are scored against.

    Attributes:
        labels: (R, m, K), one-hot levels and values in the task's unit.
        share: (R, m, T), each row's share of a task's mean; zero for padding and unknown labels.
        trivial: (R, K), the trivial predictor's log base rates and means.
        optimum: (R, m, K), the oracle's probabilities and means, or None.
    """

    labels: Tensor
    share: Tensor
    trivial: Tensor
    optimum: Tensor | None = None


def row_losses(layout: HeadLayout, natural: Natural, labels: Tensor) -> Tensor:
    """Returns each row's loss (R, m, T): nats, squared units, or half a Poisson deviance."""
    return layout.natural_losses(natural, labels) @ layout.member


def scores(layout: HeadLayout, natural: Natural, scored: ScoringData) -> dict[str, Tensor]:
    """Returns every metric of `METRICS` that can be computed, (R, T) each.

    Skill is 1 - loss / loss of the trivial predictor on the same rows; for a count this is the
    share of the deviance explained. Regret is the expected loss above the optimum, over the labels
    given the patient: the Kullback-Leibler divergence from the oracle's probabilities (nats), the
    squared distance from its mean (squared units), or half the deviance of its mean. `ordinal_mae`
    is the mean distance, in levels, of the median level from the true level. The median level
    minimises the expected distance.

    Args:
        layout: of the predictions.
        natural: (R, m, K), the result of `HeadLayout.natural`.
        scored: the labels and references.
    """
    share, labels, has_value = scored.share, scored.labels, layout.has_value
    loss = (row_losses(layout, natural, labels) * share).sum(1)
    trivial_rows = row_losses(layout, scored.trivial.unsqueeze(1).expand_as(labels), labels)
    metrics = {"skill": 1 - loss / (trivial_rows * share).sum(1)}

    correct = _correct(layout, natural, labels)
    metrics["cross_entropy"] = loss.masked_fill(has_value, torch.nan)
    metrics["accuracy"] = (correct * share).sum(1).masked_fill(has_value, torch.nan)
    metrics["balanced_accuracy"] = _balanced(layout, correct, labels, share)
    if layout.ordinal is not None:
        metrics["ordinal_mae"] = _ordinal_mae(layout, layout.ordinal, natural, scored)

    error = ((natural - labels) * layout.is_value) @ layout.member
    square = (error.square() * share).sum(1)
    metrics["mae"] = (error.abs() * share).sum(1).masked_fill(~has_value, torch.nan)
    metrics["rmse"] = square.sqrt().masked_fill(~has_value, torch.nan)
    metrics["r2"] = (1 - square / _variance(layout, labels, share)).masked_fill(
        ~has_value, torch.nan
    )

    if scored.optimum is not None:
        metrics["regret"] = (row_regret(layout, natural, scored.optimum) * share).sum(1)
    return metrics


def _correct(layout: HeadLayout, natural: Natural, labels: Tensor) -> Tensor:
    """Returns (R, m, T): one where the most probable level is the true one, zero for values."""
    right = torch.where(labels > 0, natural, -torch.inf)
    best = _by_task(layout, natural)
    hit = (_by_task(layout, right) >= best) & ~layout.has_value
    return hit.to(natural.dtype)


def _ordinal_mae(
    layout: HeadLayout, ordinal: PaddedBlocks, natural: Natural, scored: ScoringData
) -> Tensor:
    """Returns the mean distance in levels of the median level from the true level, (R, T)."""
    chance = layout.log_probabilities(natural).exp()
    medians = (ordinal.scatter(chance).cumsum(-1) < 0.5).sum(-1)  # noqa: PLR2004 - the median's
    distance = (medians - ordinal.scatter(scored.labels).argmax(-1)).abs()
    mean = (distance * scored.share[..., ordinal.tasks]).sum(1)
    by_task = mean.new_full((len(mean), layout.member.shape[1]), torch.nan)
    return by_task.index_copy(1, ordinal.tasks, mean)


def _variance(layout: HeadLayout, labels: Tensor, share: Tensor) -> Tensor:
    """Returns the variance of each task's values (R, T); NaN if all are the same."""
    values = (labels * layout.is_value) @ layout.member
    variance = ((values - (values * share).sum(1, keepdim=True)).square() * share).sum(1)
    highest = values.masked_fill(share == 0, -torch.inf).amax(1)
    lowest = values.masked_fill(share == 0, torch.inf).amin(1)
    return variance.masked_fill(highest == lowest, torch.nan)


def _by_task(layout: HeadLayout, columns: Tensor) -> Tensor:
    """Returns the maximum over each task's columns, (R, m, T)."""
    shape = (*columns.shape[:-1], layout.member.shape[1])
    index = layout.task_of.expand_as(columns)
    return columns.new_full(shape, -torch.inf).scatter_reduce(-1, index, columns, "amax")


def _balanced(layout: HeadLayout, correct: Tensor, labels: Tensor, share: Tensor) -> Tensor:
    """Returns the mean recall over the levels that occur in the scored rows, (R, T)."""
    present = labels * share.index_select(-1, layout.task_of) * ~layout.is_value
    rate = present.sum(1)
    recall = (present * correct.index_select(-1, layout.task_of)).sum(1) / rate
    occurs = (rate > 0).to(recall.dtype)
    total = torch.where(rate > 0, recall, 0.0) @ layout.member
    return (total / (occurs @ layout.member)).masked_fill(layout.has_value, torch.nan)


def row_regret(layout: HeadLayout, natural: Natural, optimum: Tensor) -> Tensor:
    """Returns the expected loss above the oracle's, (R, m, T)."""
    cross = layout.natural_losses(natural, optimum)
    chances = optimum.masked_fill(layout.is_value, 0)  # a value may be below zero
    entropy = -torch.xlogy(chances, chances)
    return (cross - entropy) @ layout.member
