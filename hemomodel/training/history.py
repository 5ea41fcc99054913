"""The record of training, per epoch."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["History"]


class History(NamedTuple):
    """The record of each epoch, (E, R, T) for each attribute except `cosines`.

    Attributes:
        train_loss: mean over the epoch's labelled rows, in the targets' own scale, computed at
            each step before its update.
        loss: on the scored rows after the epoch, in the targets' own scale.
        skill: 1 - loss / loss of the trivial predictor, on the scored rows.
        weights: mean over the epoch's steps.
        gradient_norms: norm of each task's gradient at the last shared layer (or over the trunk,
            as `FitConfig.gradients` says), at the first step.
        training_rate: the training loss divided by the trivial predictor's, and then by the mean
            over tasks: GradNorm's inverse training rate r_i. A task above 1 is slower than the
            mean.
        cosines: (E, R, T, T), between the task gradients, at the first step; zero if one of the
            two gradients is zero.
    """

    train_loss: Tensor
    loss: Tensor
    skill: Tensor
    weights: Tensor
    gradient_norms: Tensor
    training_rate: Tensor
    cosines: Tensor

    @classmethod
    def joined(cls, parts: "Sequence[History]") -> "History":
        """Returns consecutive histories as one."""
        return cls(*map(torch.cat, zip(*parts, strict=True)))

    @property
    def score(self) -> Tensor:
        """(E,): the score, which is the mean skill over replicates and tasks."""
        return self.skill.mean((1, 2))
