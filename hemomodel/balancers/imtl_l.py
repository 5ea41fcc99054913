"""IMTL-L: learned scales make all losses equally large."""

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import Adam, Balancer, Signals
from hemomodel.domains import LogUniform
from hemomodel.typing import Losses, Weights

__all__ = ["IMTLL", "IMTLLState"]

_LIMIT = 12.0  # as for uncertainty: a memorised task must not drive its weight to infinity


class IMTLLState(NamedTuple):
    """log_scale: (R, T), s of each task; adam: its moments."""

    log_scale: Tensor
    adam: Adam


@dataclass(frozen=True)
class IMTLL(Balancer[IMTLLState], name="imtl_l"):
    """Impartial multi-task learning, loss balance (Liu et al., ICLR 2021).

    The total is the sum of e^s L - s. s is trained by its own Adam without weight decay, from zero,
    clamped to [-12, 12]. With -s in place of s this is the total of uncertainty weighting in its
    `seed` form, and it takes the same steps. It is included because it is known under this name.
    The weights e^s apply to trunk and heads. They have no fixed sum, and each converges to the
    inverse of its loss.

    Attributes:
        lr: learning rate of s.
    """

    lr: Annotated[float, LogUniform(1e-4, 1e-1), Field(gt=0)] = 1e-2

    def init(self, losses: Losses) -> IMTLLState:
        """Returns s = 0 for each task."""
        start = torch.zeros_like(losses)
        return IMTLLState(start, Adam.zeros(start))

    def weigh(self, signals: Signals, state: IMTLLState) -> tuple[Weights, IMTLLState]:
        """Returns e^s from before this step's update of s."""
        weights = state.log_scale.exp()
        gradient = weights * signals.losses - 1
        change, adam = state.adam.step(gradient, self.lr, signals.present)
        moved = (state.log_scale - change).clamp(-_LIMIT, _LIMIT)
        return weights * signals.present, IMTLLState(moved, adam)
