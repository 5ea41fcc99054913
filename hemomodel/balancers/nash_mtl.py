"""Nash-MTL: the tasks bargain over the common descent."""

from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Signals
from hemomodel.balancers._solvers import Convergence, SolverBalancer, proportional_fairness
from hemomodel.typing import Weights

__all__ = ["NashMTL"]

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class NashMTL(SolverBalancer, name="nash_mtl"):
    """The Nash bargaining solution (Navon et al., ICML 2022, claim 3.1): w > 0 with K w = 1 / w.

    It is the minimum of w^T K w / 2 - sum of log w, which Newton's method finds; the published
    solver, a sequence of linearised programs, may silently return ones. The combined gradient has
    length sqrt(T) whatever the gradients are (w^T K w = T), so the published clipping to length 1
    would be one constant factor, left to the learning rate. The weights have no fixed sum: they
    scale as the inverse of the gradients. A task without a gradient gets zero.
    Weights apply to the trunk alone; each head follows its own loss.

    The residual is the largest |(K w)_i w_i - 1|. A step is unsolved from 1e-6 on; at a
    Pareto-stationary point there is no solution to find.
    """

    def weigh(self, signals: Signals, state: Convergence) -> tuple[Weights, Convergence]:
        """Returns the bargained weights."""
        weights, residual = proportional_fairness(signals, 1.0)
        return weights.to(signals.losses.dtype), state.after(residual, _TOLERANCE)
