"""FairGrad: alpha-fair shares of the common step."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Signals
from hemomodel.balancers._solvers import Convergence, SolverBalancer, proportional_fairness
from hemomodel.domains import LogUniform
from hemomodel.typing import Weights

__all__ = ["FairGrad"]

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class FairGrad(SolverBalancer, name="fairgrad"):
    """Fair resource allocation (Ban & Ji, ICML 2024, equation 4): w > 0 with K w = w^(-1/alpha).

    The weights have no fixed sum: they scale as K^(-alpha / (1 + alpha)) and are larger than ten
    for small gradients. A task without a gradient gets weight zero.
    Weights apply only to the trunk; each head is trained on its own loss.

    The residual is the largest |(K w)_i w_i^(1/alpha) - 1|. A step is unsolved if it is above 1e-6.
    At a Pareto-stationary point there is no solution.

    Attributes:
        alpha: 1 is proportional fairness (Nash-MTL); larger values approach max-min fairness.
    """

    alpha: Annotated[float, LogUniform(0.5, 4.0), Field(gt=0)] = 2.0

    def weigh(self, signals: Signals, state: Convergence) -> tuple[Weights, Convergence]:
        """Returns the fair weights."""
        weights, residual = proportional_fairness(signals, self.alpha)
        return weights.to(signals.losses.dtype), state.after(residual, _TOLERANCE)
