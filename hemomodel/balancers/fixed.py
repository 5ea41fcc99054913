"""Fixed weights, searched like any other hyperparameter."""

from typing import Annotated, NamedTuple

from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import Balancer, Signals, masked_softmax
from hemomodel.domains import PerTask, Uniform
from hemomodel.errors import InputError
from hemomodel.typing import Losses, Weights

__all__ = ["Fixed", "FixedState"]


class FixedState(NamedTuple):
    """log_weights: (R, T)."""

    log_weights: Tensor


@dataclass(frozen=True)
class Fixed(Balancer[FixedState], name="fixed"):
    """Constant weights T * softmax(log_weights), which always sum to T.

    Both T and the softmax are over the present tasks. Weights apply to trunk and heads.
    This is a strong baseline for more complex methods (Xin et al., NeurIPS 2022; Kurin et al.,
    NeurIPS 2022).

    Attributes:
        log_weights: one per task, in the tasks' order; empty for equal weights.
    """

    log_weights: Annotated[tuple[float, ...], PerTask(Uniform(-2.0, 2.0))] = ()

    def init(self, losses: Losses) -> FixedState:
        """Returns the log-weights of each replicate.

        Raises:
            InputError: there are log-weights, but not one per task.
        """
        tasks = losses.shape[1]
        if self.log_weights and len(self.log_weights) != tasks:
            raise InputError(
                f"fixed.log_weights has {len(self.log_weights)} numbers for {tasks} tasks; "
                "give one per task, or none for equal weights"
            )
        logits = losses.new_tensor(self.log_weights or [0.0] * tasks)
        return FixedState(logits.expand_as(losses).clone())

    def weigh(self, signals: Signals, state: FixedState) -> tuple[Weights, FixedState]:
        """Returns the weights; they are the same at every step with the same present tasks."""
        return signals.count * masked_softmax(state.log_weights, signals.present), state
