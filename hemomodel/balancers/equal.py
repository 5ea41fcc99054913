"""Equal weights: the baseline."""

from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Balancer, Empty, Signals
from hemomodel.shapes import Losses, Weights

__all__ = ["Equal"]


@dataclass(frozen=True)
class Equal(Balancer[Empty], name="equal"):
    """Every task counts the same: weights of one.

    Whether the total is their sum or their mean is `FitConfig.reduction`, for every balancer.
    Weights apply to trunk and heads; they sum to the number of tasks.
    """

    def init(self, losses: Losses) -> Empty:
        """Returns no memory."""
        return Empty()

    def weigh(self, signals: Signals, state: Empty) -> tuple[Weights, Empty]:
        """Returns one for each present task."""
        return signals.present.to(signals.losses.dtype), state
