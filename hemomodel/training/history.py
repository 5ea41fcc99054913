"""What training leaves behind, epoch by epoch."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["History"]


class History(NamedTuple):
    """What each epoch left behind, (E, R, T) each but the last.

    Attributes:
        train_loss: mean over the epoch's labelled rows, in the targets' own scale, as the steps
            saw it.
        loss: on the scored rows after the epoch, in the targets' own scale.
        skill: share of the trivial predictor's loss on the scored rows that is removed.
        weights: mean over the epoch's steps.
        gradient_norms: norm of each task's gradient at the last shared layer (or over the trunk,
            as `FitConfig.gradients` says), at the first step.
        training_rate: the training loss relative to the trivial predictor's, over its mean over
            tasks: GradNorm's inverse training rate r_i. Above 1, a task lags behind.
        cosines: (E, R, T, T), between the tasks' gradients, at the first step; zero where one of
            them vanishes.
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
        """Returns one history of consecutive ones."""
        return cls(*map(torch.cat, zip(*parts, strict=True)))

    @property
    def score(self) -> Tensor:
        """(E,): mean skill over replicates and tasks, the study's one figure."""
        return self.skill.mean((1, 2))
