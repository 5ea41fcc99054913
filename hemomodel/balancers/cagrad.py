"""CAGrad: the direction near the mean gradient that is best for the worst task."""

from typing import Annotated

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Signals
from hemomodel.balancers._pivoting import path_to_norm
from hemomodel.balancers._solvers import Convergence, SolverBalancer, normalized_gramian
from hemomodel.domains import Uniform
from hemomodel.typing import Weights

__all__ = ["CAGrad"]

_RIDGE = 1e-10  # of each squared norm
_SILENT = 1e-24
_STATIONARY = 1e-4  # the length of the worst combination, divided by the root of K's trace
_NO_RADIUS = 1e-8  # the ball around the mean gradient is a point, except for rounding
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class CAGrad(SolverBalancer, name="cagrad"):
    """Conflict-averse gradient descent (Liu, Liu, Jin, Stone & Liu, NeurIPS 2021, algorithm 1).

    With the mean gradient g_0, the direction d maximises min_i g_i . d under the constraint
    |d - g_0| <= c |g_0|. It is g_0 + sum y_i g_i, y >= 0: the weights are 1/T + y_i. At the optimum
    s = K (1/T + y) - t >= 0, y^T s = 0 and sqrt(y^T K y) = c |g_0|. This is a point on the path
    y(t) of a quadratic program, so the solution is exact. The weights sum to 1 + sum(y), which
    grows without bound towards a Pareto-stationary point. Where the worst combination is shorter
    than 1e-4 times the root of K's trace, no gain is possible and the weights are zero (as in
    torchjd). There is no rescaling by 1 / (1 + c^2).
    Weights apply only to the trunk; each head is trained on its own loss.

    The residual is the duality gap, in units of K's trace. A step is unsolved if it is above 1e-6.

    Attributes:
        c: the largest distance from the mean gradient, in multiples of its length; 0 gives the
            mean gradient itself.
    """

    c: Annotated[float, Uniform(0.0, 1.0), Field(ge=0)] = 0.4

    def weigh(self, signals: Signals, state: Convergence) -> tuple[Weights, Convergence]:
        """Returns the weights of the conflict-averse direction."""
        gramian, _ = normalized_gramian(signals)
        present = signals.present
        mean = present / present.sum(1, keepdim=True).clamp_min(1)
        to_mean = (gramian @ mean.unsqueeze(2).to(gramian.dtype)).squeeze(2)
        radius = self.c * (to_mean * mean).sum(1).clamp_min(0).sqrt()
        scale = gramian.diagonal(dim1=1, dim2=2).clamp_min(_SILENT).rsqrt()
        scale = torch.where(present, scale, 0.0)
        cosines = gramian * scale.unsqueeze(2) * scale.unsqueeze(1)
        cosines.diagonal(dim1=1, dim2=2).add_(_RIDGE).add_(~present)
        y = path_to_norm(cosines, to_mean * scale, scale, radius) * scale
        total = y.sum(1)
        moves = total * _STATIONARY <= radius.clamp_min(_NO_RADIUS)
        gained = to_mean + (gramian @ y.unsqueeze(2)).squeeze(2)
        lowest = torch.where(present, gained, torch.inf).amin(1).nan_to_num(posinf=0.0)
        value = (y * gained).sum(1) / total.clamp_min(torch.finfo(y.dtype).tiny)
        gap = torch.where(moves & (total > 0), value - lowest, 0.0)
        weights = torch.where(moves.unsqueeze(1), mean + y, 0.0)
        return weights.to(signals.losses.dtype), state.after(gap, _TOLERANCE)
