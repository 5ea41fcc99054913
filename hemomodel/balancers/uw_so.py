"""UW-SO: a softmax of the closed-form optimum of uncertainty weighting."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import LOSS_FLOOR, NoState, Signals, Stateless, masked_softmax
from hemomodel.domains import LogUniform
from hemomodel.typing import Weights

__all__ = ["UWSO"]


@dataclass(frozen=True)
class UWSO(Stateless, name="uw_so"):
    """Soft optimal uncertainty weighting (Kirchdorfer et al., arXiv 2408.07985).

    The weights are softmax((1 / L) / temperature), held constant in the derivative, with 1 / L for
    every kind of loss. A loss below 1e-8 is replaced by 1e-8.
    Weights apply to trunk and heads; they sum to one.

    Attributes:
        temperature: the higher, the more equal the weights. It must be searched, because its
            effect depends on the inverse losses, which grow during training.
    """

    temperature: Annotated[float, LogUniform(0.1, 100.0), Field(gt=0)] = 1.0

    def weigh(self, signals: Signals, state: NoState) -> tuple[Weights, NoState]:
        """Returns the softmax of the inverse losses."""
        inverse = 1 / signals.losses.clamp_min(LOSS_FLOOR)
        return masked_softmax(inverse / self.temperature, signals.present), state
