"""PCGrad: removes from each gradient the components that conflict with the others."""

from typing import ClassVar, NamedTuple

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import Balancer, Signals
from hemomodel.typing import Losses, Weights

__all__ = ["PCGrad", "PCGradState"]


class PCGradState(NamedTuple):
    """steps: (R, 1) int64, the number of times that an order was drawn."""

    steps: Tensor


@dataclass(frozen=True)
class PCGrad(Balancer[PCGradState], name="pcgrad"):
    """Gradient surgery (Yu et al., NeurIPS 2020, algorithm 1).

    Each task's gradient is compared with the others in its own random order. If the inner product
    is negative, its component along the other gradient is removed. The weights are those of the sum
    of the remaining gradients. Each is at least 1, so that they sum to at least T. An inner product
    that is negative only by rounding has no noticeable effect.
    Weights apply only to the trunk; each head is trained on its own loss.
    """

    weighs_heads: ClassVar[bool] = False

    def init(self, losses: Losses) -> PCGradState:
        """Returns a count of zero."""
        return PCGradState(torch.zeros_like(losses[:, :1], dtype=torch.int64))

    def weigh(self, signals: Signals, state: PCGradState) -> tuple[Weights, PCGradState]:
        """Returns the weights of the sum of the projected gradients."""
        gramian = signals.gramian
        tasks = gramian.shape[1]
        order = signals.noise(state.steps).argsort(2)  # (R, T, T): row i, the order for task i
        # In that order: others[r, i, t] is the row of K of the t-th task compared with i.
        rows = gramian.unsqueeze(1).expand(-1, tasks, -1, -1)
        others = rows.gather(2, order.unsqueeze(3).expand(-1, -1, -1, tasks))
        squared = gramian.diagonal(dim1=1, dim2=2).unsqueeze(1).expand_as(order).gather(2, order)
        itself = order == torch.arange(tasks, device=order.device).unsqueeze(1)
        share = torch.where((squared > 0) & ~itself, -squared.reciprocal(), 0.0)
        products = gramian  # row i: the inner products of the rest of g_i with every gradient
        removed = []
        for turn in range(tasks):
            product = products.gather(2, order[:, :, turn, None]).clamp_max(0)
            removed.append(product * share[:, :, turn, None])
            products = torch.addcmul(products, removed[-1], others[:, :, turn])
        added = torch.zeros_like(gramian).scatter(2, order, torch.cat(removed, 2)).sum(1)
        weights = torch.where(signals.present, 1 + added, 0.0)
        return weights.to(signals.losses.dtype), PCGradState(state.steps + 1)
