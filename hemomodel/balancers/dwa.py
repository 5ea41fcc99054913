"""Dynamic weight average: more weight for tasks whose losses decrease slowly."""

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import LOSS_FLOOR, Balancer, Signals, masked_softmax
from hemomodel.domains import LogUniform
from hemomodel.typing import Losses, Weights

__all__ = ["DWA", "DWAState"]


class DWAState(NamedTuple):
    """Memory of DWA, (R, T) each; a task's batches are those in which it was present.

    total: sum of this epoch's losses. batches: int64, the number of batches in the sum. latest:
    mean loss of the last epoch. epochs: int64, the number of epochs with the task. rate:
    L(t-1) / L(t-2), one until two epochs are complete.
    """

    total: Tensor
    batches: Tensor
    latest: Tensor
    epochs: Tensor
    rate: Tensor


@dataclass(frozen=True)
class DWA(Balancer[DWAState], name="dwa"):
    """Dynamic weight average (Liu, Johns & Davison, CVPR 2019).

    The weights are T softmax(rate / temperature), where rate = L(t-1) / L(t-2) is the ratio of the
    mean losses of the last two epochs. They are one in the first two epochs.
    Weights apply to trunk and heads; they sum to T.

    Attributes:
        temperature: the higher, the more equal the weights; 2 as published.
    """

    temperature: Annotated[float, LogUniform(0.1, 10.0), Field(gt=0)] = 2.0

    def init(self, losses: Losses) -> DWAState:
        """Returns an empty history, and rates of one."""
        nothing, never = torch.zeros_like(losses), torch.zeros_like(losses, dtype=torch.int64)
        return DWAState(nothing, never, nothing.clone(), never.clone(), torch.ones_like(losses))

    def weigh(self, signals: Signals, state: DWAState) -> tuple[Weights, DWAState]:
        """Returns this epoch's weights, and adds the losses to its mean."""
        weights = signals.count * masked_softmax(state.rate / self.temperature, signals.present)
        total = state.total + signals.losses.masked_fill(~signals.present, 0)
        return weights, state._replace(total=total, batches=state.batches + signals.present)

    def end_epoch(self, state: DWAState) -> DWAState:
        """Updates means and rates after an epoch; those of a task without a batch do not change."""
        seen = state.batches > 0
        mean = (state.total / state.batches.clamp_min(1)).clamp_min(LOSS_FLOOR)
        rate = mean / state.latest.clamp_min(LOSS_FLOOR)
        return DWAState(
            total=torch.zeros_like(state.total),
            batches=torch.zeros_like(state.batches),
            latest=torch.where(seen, mean, state.latest),
            epochs=state.epochs + seen,
            rate=torch.where(seen & (state.epochs > 0), rate, state.rate),
        )
