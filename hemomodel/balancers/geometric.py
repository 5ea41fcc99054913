"""The geometric mean of the losses."""

import torch
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import LOSS_FLOOR, NoState, Signals, Stateless, masked_mean
from hemomodel.typing import Weights

__all__ = ["Geometric"]


@dataclass(frozen=True)
class Geometric(Stateless, name="geometric"):
    """Geometric loss strategy (GLS; Chennupati, Sistu, Yogamani & Rawashdeh, CVPRW 2019).

    The total is (product of the L_i)^(1/T). Its derivative by L_i, in logarithms, is
    exp(mean(log L) - log L_i) / T. A loss of zero would make this infinity times zero, so a loss
    below 1e-8 is replaced by 1e-8. The scale of the losses has no effect. Weights apply to trunk
    and heads. They sum to the ratio of the losses' geometric mean to their harmonic mean, which is
    at least one.
    """

    def weigh(self, signals: Signals, state: NoState) -> tuple[Weights, NoState]:
        """Returns the derivatives of the geometric mean."""
        logs = signals.losses.clamp_min(LOSS_FLOOR).log()
        ratio = (masked_mean(logs, signals.present) - logs).masked_fill(
            ~signals.present, -torch.inf
        )
        return ratio.exp() / signals.count.clamp_min(1), state
