"""FAMO: all losses shall fall at the same relative rate, without any gradient of theirs."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import LOSS_FLOOR, Adam, Balancer, Signals, masked_softmax
from hemomodel.domains import LogUniform
from hemomodel.typing import Losses, Weights

__all__ = ["FAMO", "FAMOState"]


class FAMOState(NamedTuple):
    """Memory of FAMO.

    logits: (R, T). adam: their moments. before: (R, T), the losses before a step that is still to
    be taken; -1 where there is none.
    """

    logits: Tensor
    adam: Adam
    before: Tensor


@dataclass(frozen=True)
class FAMO(Balancer[FAMOState], name="famo"):
    """Fast adaptive multitask optimization (Liu, Feng, Stone & Liu, NeurIPS 2023).

    The step descends c sum z_i log L_i with z = softmax(logits) and the constant c that makes the
    weights c z_i / L_i sum to one. After it the logits follow the fall of the log losses on the
    same batch, delta_i, through the softmax: its derivative z_i (delta_i - sum z delta), by Adam.
    The losses' lower bound is zero, and 1e-8 is added to each, as in the authors' code.
    Weights apply to trunk and heads; they sum to one.

    Attributes:
        lr: learning rate of the logits.
        decay: their weight decay, added to the gradient.
    """

    lr: Annotated[float, LogUniform(1e-3, 1e-1), Field(gt=0)] = 0.025
    decay: Annotated[float, LogUniform(1e-5, 1e-1), Field(ge=0)] = 1e-3

    def init(self, losses: Losses) -> FAMOState:
        """Returns logits of zero."""
        start = torch.zeros_like(losses)
        return FAMOState(start, Adam.zeros(start), torch.full_like(losses, -1.0))

    def weigh(self, signals: Signals, state: FAMOState) -> tuple[Weights, FAMOState]:
        """Returns z_i / L_i over their sum, and keeps the losses for `after_step`."""
        weights = masked_softmax(state.logits - _log(signals.losses), signals.present)
        before = signals.losses.masked_fill(~signals.present, -1.0)
        return weights, state._replace(before=before)

    def after_step(self, losses: Callable[[], Losses], state: FAMOState) -> FAMOState:
        """Moves the logits by what the step did to the losses of its batch."""
        present = state.before >= 0
        fall = _log(state.before.clamp_min(0)) - _log(losses())
        z = masked_softmax(state.logits, present)
        slope = z * (fall - (z * fall).sum(1, keepdim=True))
        change, adam = state.adam.step(slope + self.decay * state.logits, self.lr, present)
        logits = state.logits - change
        return FAMOState(logits, adam, torch.full_like(state.before, -1.0))


def _log(losses: Losses) -> Tensor:
    return (losses + LOSS_FLOOR).log()
