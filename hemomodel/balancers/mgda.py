"""MGDA: the shortest convex combination of the task gradients."""

import torch
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Signals
from hemomodel.balancers._pivoting import nonnegative_program
from hemomodel.balancers._solvers import Convergence, SolverBalancer, normalized_gramian
from hemomodel.typing import Weights

__all__ = ["MGDA"]

_RIDGE = 1e-8  # of each squared norm: if the shortest combination is zero, it is not unique
_SILENT = 1e-24
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class MGDA(SolverBalancer, name="mgda"):
    """Multiple-gradient descent (Sener & Koltun, NeurIPS 2018, equation 3; Désidéri, 2012).

    The weights minimise w^T K w over the simplex. The direction reduces every loss or, at a
    Pareto-stationary point, is zero. The problem is solved exactly as min 1/2 y^T K y - 1^T y over
    y >= 0, w = y / sum(y); the published Frank-Wolfe iteration is only approximate. The weights are
    at least zero and sum to 1.
    Weights apply only to the trunk; each head is trained on its own loss.

    The residual is the Frank-Wolfe gap w^T K w - min_i (K w)_i in units of K's trace, an upper
    bound of the distance of the objective from its minimum. A step is unsolved if it is above 1e-7.
    """

    def weigh(self, signals: Signals, state: Convergence) -> tuple[Weights, Convergence]:
        """Returns the weights of the shortest combination."""
        gramian, _ = normalized_gramian(signals)
        scale = gramian.diagonal(dim1=1, dim2=2).clamp_min(_SILENT).rsqrt()
        scale = torch.where(signals.present, scale, 0.0)
        cosines = gramian * scale.unsqueeze(2) * scale.unsqueeze(1)
        cosines.diagonal(dim1=1, dim2=2).add_(_RIDGE).add_(~signals.present)
        pull = scale / scale.amax(1, keepdim=True).clamp_min(1.0)
        y = nonnegative_program(cosines, -pull) * pull
        weights = y / y.sum(1, keepdim=True).clamp_min(torch.finfo(y.dtype).tiny)
        slopes = (gramian @ weights.unsqueeze(2)).squeeze(2)
        lowest = torch.where(signals.present, slopes, torch.inf).amin(1)
        gap = (weights * slopes).sum(1) - lowest.nan_to_num(posinf=0.0)
        return weights.to(signals.losses.dtype), state.after(gap, _TOLERANCE)
