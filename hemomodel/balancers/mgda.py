"""MGDA: the shortest convex combination of the task gradients."""

import torch
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Signals
from hemomodel.balancers._pivoting import nonnegative_program
from hemomodel.balancers._solvers import Convergence, SolverBalancer, normalized_gramian
from hemomodel.typing import Weights

__all__ = ["MGDA"]

_RIDGE = 1e-8  # of each squared norm: the combination may be zero, and then is not unique
_SILENT = 1e-24
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class MGDA(SolverBalancer, name="mgda"):
    """Multiple-gradient descent (Sener & Koltun, NeurIPS 2018, equation 3; Désidéri, 2012).

    min w^T K w over the simplex. Its direction serves every task or, at a Pareto-stationary point,
    is zero. Solved exactly as min 1/2 y^T K y - 1^T y over y >= 0, w = y / sum(y), where the
    published Frank-Wolfe iteration only comes near. The weights are at least zero and sum to 1.
    Weights apply to the trunk alone; each head follows its own loss.

    The residual is the Frank-Wolfe gap w^T K w - min_i (K w)_i in units of K's trace: the
    objective is at most that far from its minimum. A step is unsolved from 1e-7 on.
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
