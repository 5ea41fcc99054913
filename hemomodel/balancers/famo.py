"""FAMO: equal relative decrease of all losses, without task gradients."""

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

    logits: (R, T). adam: the moments of the logits. before: (R, T), the losses before the step that
    follows; -1 where there is none.
    """

    logits: Tensor
    adam: Adam
    before: Tensor


@dataclass(frozen=True)
class FAMO(Balancer[FAMOState], name="famo"):
    """Fast adaptive multitask optimization (Liu, Feng, Stone & Liu, NeurIPS 2023).

    The step minimises c sum z_i log L_i, with z = softmax(logits) and the constant c that makes the
    weights c z_i / L_i sum to one. After the step, delta_i is the decrease of the log loss on the
    same batch. The logits are updated by Adam with the gradient z_i (delta_i - sum z delta), which
    is the derivative through the softmax.
    The lower bound of the losses is zero, and 1e-8 is added to each, as in the authors' code.
    Weights apply to trunk and heads; they sum to one.

    Attributes:
        lr: learning rate of the logits.
        decay: weight decay of the logits, added to the gradient.
    """

    lr: Annotated[float, LogUniform(1e-3, 1e-1), Field(gt=0)] = 0.025
    decay: Annotated[float, LogUniform(1e-5, 1e-1), Field(ge=0)] = 1e-3

    def init(self, losses: Losses) -> FAMOState:
        """Returns logits of zero."""
        start = torch.zeros_like(losses)
        return FAMOState(start, Adam.zeros(start), torch.full_like(losses, -1.0))

    def weigh(self, signals: Signals, state: FAMOState) -> tuple[Weights, FAMOState]:
        """Returns z_i / L_i divided by their sum, and stores the losses for `after_step`."""
        weights = masked_softmax(state.logits - _log(signals.losses), signals.present)
        before = signals.losses.masked_fill(~signals.present, -1.0)
        return weights, state._replace(before=before)

    def after_step(self, losses: Callable[[], Losses], state: FAMOState) -> FAMOState:
        """Updates the logits by the change of the batch's losses in the step."""
        present = state.before >= 0
        fall = _log(state.before.clamp_min(0)) - _log(losses())
        z = masked_softmax(state.logits, present)
        slope = z * (fall - (z * fall).sum(1, keepdim=True))
        change, adam = state.adam.step(slope + self.decay * state.logits, self.lr, present)
        logits = state.logits - change
        return FAMOState(logits, adam, torch.full_like(state.before, -1.0))


def _log(losses: Losses) -> Tensor:
    return (losses + LOSS_FLOOR).log()
