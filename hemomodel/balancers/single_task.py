"""No balancing: a network for each task."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Empty, Memoryless, Signals
from hemomodel.typing import Weights

__all__ = ["SingleTask"]


@dataclass(frozen=True)
class SingleTask(Memoryless, name="single_task"):
    """One network a task, with the hyperparameters of one configuration: what sharing must beat.

    The trunk is not shared, so there is nothing to balance: every task has weight one.
    It costs about T networks a replicate.
    """

    shares_trunk: ClassVar[bool] = False

    def weigh(self, signals: Signals, state: Empty) -> tuple[Weights, Empty]:
        """Returns one for each present task."""
        return signals.present.to(signals.losses), state
