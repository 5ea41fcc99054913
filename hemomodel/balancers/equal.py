"""Equal weights: the baseline."""

from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import NoState, Signals, Stateless
from hemomodel.typing import Weights

__all__ = ["Equal"]


@dataclass(frozen=True)
class Equal(Stateless, name="equal"):
    """Every task has weight one.

    `FitConfig.reduction` sets whether the total is the sum or the mean, for every balancer.
    Weights apply to trunk and heads; they sum to the number of tasks.
    """

    def weigh(self, signals: Signals, state: NoState) -> tuple[Weights, NoState]:
        """Returns one for each present task."""
        return signals.present.to(signals.losses.dtype), state
