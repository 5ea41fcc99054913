"""Scores of each replicate and task, in the task's own unit.

Everything is (R, T); a figure that a task does not have (the accuracy of a flow) is NaN.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hemomodel.heads import HeadLayout
from hemomodel.shapes import Outputs

__all__ = ["METRICS", "Scored", "row_losses", "row_regret", "scores"]

METRICS = (
    "skill",
    "cross_entropy",
    "accuracy",
    "balanced_accuracy",
    "mae",
    "rmse",
    "r2",
    "regret",
)


@dataclass(frozen=True)
class Scored:
    """What outputs are scored against.

    Attributes:
        labels: (R, m, K), one-hot levels and values in the task's unit.
        share: (R, m, 1), each row's share of the mean; zero for padding.
        trivial: (R, K), what the trivial predictor says: log base rates and means.
        optimum: (R, m, K), the oracle's probabilities and means, or None.
    """

    labels: Tensor
    share: Tensor
    trivial: Tensor
    optimum: Tensor | None = None


def row_losses(layout: HeadLayout, outputs: Outputs, labels: Tensor) -> Tensor:
    """Returns each row's loss (R, m, T): nats, or squared units."""
    return layout.row_losses(outputs, labels)[0] @ layout.member


def scores(layout: HeadLayout, outputs: Outputs, scored: Scored) -> dict[str, Tensor]:
    """Returns every metric of `METRICS` that can be had, (R, T) each.

    Skill is 1 - loss / loss of the trivial predictor on the same rows. Regret is the loss above
    the optimum, expected over the labels given the patient: the Kullback-Leibler divergence
    from the oracle's probabilities (nats), or the squared distance from its mean (squared units).

    Args:
        layout: of the outputs.
        outputs: (R, m, K), logits and values in the task's unit.
        scored: what they are scored against.
    """
    share, labels, regression = scored.share, scored.labels, layout.regression
    loss = (row_losses(layout, outputs, labels) * share).sum(1)
    trivial_rows = row_losses(layout, scored.trivial.unsqueeze(1).expand_as(labels), labels)
    found = {"skill": 1 - loss / (trivial_rows * share).sum(1)}

    correct = _correct(layout, outputs, labels)
    found["cross_entropy"] = loss.masked_fill(regression, torch.nan)
    found["accuracy"] = (correct * share).sum(1).masked_fill(regression, torch.nan)
    found["balanced_accuracy"] = _balanced(layout, correct, labels, share)

    error = ((outputs - labels) * layout.is_value) @ layout.member
    found["mae"] = (error.abs() * share).sum(1).masked_fill(~regression, torch.nan)
    found["rmse"] = loss.sqrt().masked_fill(~regression, torch.nan)
    values = (labels * layout.is_value) @ layout.member
    variance = ((values - (values * share).sum(1, keepdim=True)).square() * share).sum(1)
    found["r2"] = (1 - loss / variance).masked_fill(~regression, torch.nan)

    if scored.optimum is not None:
        found["regret"] = (row_regret(layout, outputs, scored.optimum) * share).sum(1)
    return found


def _correct(layout: HeadLayout, outputs: Outputs, labels: Tensor) -> Tensor:
    """Returns (R, m, T): one where the likeliest level is the right one, zero for regressions."""
    right = torch.where(labels > 0, outputs, -torch.inf)
    best = _by_task(layout, outputs)
    hit = (_by_task(layout, right) >= best) & ~layout.regression
    return hit.to(outputs.dtype)


def _by_task(layout: HeadLayout, columns: Tensor) -> Tensor:
    """Returns the maximum over each task's columns, (R, m, T)."""
    shape = (*columns.shape[:-1], layout.member.shape[1])
    index = layout.task_of.expand_as(columns)
    return columns.new_full(shape, -torch.inf).scatter_reduce(-1, index, columns, "amax")


def _balanced(layout: HeadLayout, correct: Tensor, labels: Tensor, share: Tensor) -> Tensor:
    """Returns the mean recall over the levels that occur in the scored rows, (R, T)."""
    present = labels * share * ~layout.is_value
    rate = present.sum(1)
    recall = (present * correct.index_select(-1, layout.task_of)).sum(1) / rate
    occurs = (rate > 0).to(recall.dtype)
    total = torch.where(rate > 0, recall, 0.0) @ layout.member
    return (total / (occurs @ layout.member)).masked_fill(layout.regression, torch.nan)


def row_regret(layout: HeadLayout, outputs: Outputs, optimum: Tensor) -> Tensor:
    """Returns the expected loss above the oracle's, (R, m, T)."""
    cross = layout.row_losses(outputs, optimum)[0]
    entropy = -torch.xlogy(optimum, optimum) * ~layout.is_value
    return (cross - entropy) @ layout.member
