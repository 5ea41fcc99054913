"""No balancing: one network per task."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import NoState, Signals, Stateless
from hemomodel.typing import Weights

__all__ = ["SingleTask"]


@dataclass(frozen=True)
class SingleTask(Stateless, name="single_task"):
    """One network per task, all with the same hyperparameters: a baseline for a shared trunk.

    The trunk is not shared, so there is nothing to balance: every task has weight one.
    It costs about as much as T networks per replicate.
    """

    shares_trunk: ClassVar[bool] = False

    def weigh(self, signals: Signals, state: NoState) -> tuple[Weights, NoState]:
        """Returns one for each present task."""
        return signals.present.to(signals.losses), state
