"""Random weights: a baseline that any balancer should beat."""

from typing import NamedTuple

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import Balancer, Signals, masked_softmax
from hemomodel.typing import Losses, Weights

__all__ = ["Random", "RandomState"]


class RandomState(NamedTuple):
    """step: (R, 1) int64, the number of times that weights were drawn."""

    step: Tensor


@dataclass(frozen=True)
class Random(Balancer[RandomState], name="random"):
    """Random loss weighting (RLW; Lin, Ye, Zhang & Tsang, TMLR 2022, normal distribution).

    The weights are softmax(z), with z drawn from N(0, I) at each step. If a method is not better
    than this, its choice of weights has no benefit. Weights apply to trunk and heads; they sum to
    one.
    """

    def init(self, losses: Losses) -> RandomState:
        """Returns a count of zero."""
        return RandomState(torch.zeros_like(losses[:, :1], dtype=torch.int64))

    def weigh(self, signals: Signals, state: RandomState) -> tuple[Weights, RandomState]:
        """Returns new random weights."""
        uniform = signals.noise(state.step).diagonal(dim1=1, dim2=2)
        least = torch.finfo(uniform.dtype).eps / 4  # half a step: zero has no normal quantile
        normal = torch.special.ndtri(uniform.clamp_min(least))
        return masked_softmax(normal, signals.present), RandomState(state.step + 1)
