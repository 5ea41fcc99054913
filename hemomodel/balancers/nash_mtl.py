"""Nash-MTL: the common step is the Nash bargaining solution of the tasks."""

from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Signals
from hemomodel.balancers._solvers import Convergence, SolverBalancer, proportional_fairness
from hemomodel.typing import Weights

__all__ = ["NashMTL"]

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class NashMTL(SolverBalancer, name="nash_mtl"):
    """The Nash bargaining solution (Navon et al., ICML 2022, claim 3.1): w > 0 with K w = 1 / w.

    w is the minimum of w^T K w / 2 - sum of log w, which Newton's method finds. The published
    solver, a sequence of linearised programs, may return ones without a warning. The combined
    gradient always has length sqrt(T) (w^T K w = T). So the published clipping to length 1 would be
    a constant factor, and the learning rate replaces it. The weights have no fixed sum: they scale
    as the inverse of the gradients. A task without a gradient gets weight zero.
    Weights apply only to the trunk; each head is trained on its own loss.

    The residual is the largest |(K w)_i w_i - 1|. A step is unsolved if it is above 1e-6. At a
    Pareto-stationary point there is no solution.
    """

    def weigh(self, signals: Signals, state: Convergence) -> tuple[Weights, Convergence]:
        """Returns the weights of the bargaining solution."""
        weights, residual = proportional_fairness(signals, 1.0)
        return weights.to(signals.losses.dtype), state.after(residual, _TOLERANCE)
