"""UPGrad: the mean of the gradients, each projected so that it conflicts with no other."""

import torch
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import Signals
from hemomodel.balancers._pivoting import nonnegative_program
from hemomodel.balancers._solvers import Convergence, SolverBalancer, normalized_gramian
from hemomodel.typing import Weights

__all__ = ["UPGrad"]

_RIDGE = 1e-4  # as in torchjd, in units of K's trace
_TOLERANCE = 1e-8


@dataclass(frozen=True)
class UPGrad(SolverBalancer, name="upgrad"):
    """Unconflicting projection of gradients (Quinton & Rey, arXiv 2406.16232, section 3).

    Each g_i is projected on the dual cone of all gradients, and the projections are averaged. By
    proposition 1 of the paper, the projection of g_i is J^T v, where v minimises v^T K v over
    v >= e_i. K is divided by its trace, and 1e-4 is added to its diagonal, as in torchjd. Each
    weight is at least 1/T, and they sum to at least 1.
    Weights apply only to the trunk; each head is trained on its own loss.

    The residual is the largest violation of the optimality conditions, in the units of a cosine.
    A step is unsolved if it is above 1e-8.
    """

    def weigh(self, signals: Signals, state: Convergence) -> tuple[Weights, Convergence]:
        """Returns the weights of the mean projection."""
        gramian, _ = normalized_gramian(signals)
        gramian.diagonal(dim1=1, dim2=2).add_(_RIDGE)
        scale = gramian.diagonal(dim1=1, dim2=2).rsqrt()
        cosines = gramian * scale.unsqueeze(2) * scale.unsqueeze(1)
        # v = e_i + x: in units of the norms, x minimises x^T C x / 2 + (row i of C) . x.
        tasks = scale.shape[1]
        repeated = cosines.unsqueeze(1).expand(-1, tasks, -1, -1).flatten(0, 1)
        x = nonnegative_program(repeated, cosines.flatten(0, 1)).view_as(cosines)
        slack = x @ cosines + cosines
        residual = torch.minimum(x, slack).abs().amax((1, 2))
        added = (x * signals.present.unsqueeze(2) / scale.unsqueeze(2)).sum(1) * scale
        count = signals.present.sum(1, keepdim=True).clamp_min(1)
        weights = (signals.present + added) / count
        return weights.to(signals.losses.dtype), state.after(residual, _TOLERANCE)
