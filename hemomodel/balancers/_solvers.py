"""Shared parts of the methods on the Gramian: its scale, its spectrum, and a solver's record.

Every computation is batched over the replicates, takes a fixed number of operations for any input,
and is in float64, because the condition number of a Gramian is that of the gradients squared.
"""

from typing import ClassVar, NamedTuple

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import Balancer, Signals
from hemomodel.typing import Gramian, Losses, Weights

__all__ = [
    "Convergence",
    "Eigenpairs",
    "SolverBalancer",
    "normalized_gramian",
    "proportional_fairness",
]

_RIDGE = 1e-14  # of a cosine matrix: enough for a factorisation, too small to change the result
_SILENT = 1e-20  # a squared norm below this share of the trace counts as zero
_NEWTON_STEPS = 12
_LONGEST_FALL = 3.0  # of a log weight per step; Newton's step is too long where weights decrease


class Convergence(NamedTuple):
    """The record of a solver.

    residual: (R, 1), the largest so far. unsolved: (R, 1) int64, the number of steps with a
    residual above the tolerance.
    """

    residual: Tensor
    unsolved: Tensor

    @classmethod
    def start(cls, losses: Losses) -> "Convergence":
        """Returns the record before the first step, for losses (R, T)."""
        none = torch.zeros_like(losses[:, :1])
        return cls(none, none.to(torch.int64))

    def after(self, residual: Tensor, tolerance: float) -> "Convergence":
        """Returns the record with one more step, which has the residual (R,)."""
        now = residual.unsqueeze(1)
        largest = torch.maximum(self.residual, now.to(self.residual.dtype))
        return Convergence(largest, self.unsolved + (now > tolerance))


@dataclass(frozen=True)
class SolverBalancer(Balancer[Convergence]):
    """A method that solves for the weights of the trunk and records the solver's convergence."""

    weighs_heads: ClassVar[bool] = False

    def init(self, losses: Losses) -> Convergence:
        """Returns the solver's record before the first step."""
        return Convergence.start(losses)

    def health(self, state: Convergence) -> dict[str, Tensor]:
        """Returns the largest residual so far and the number of unsolved steps, (R,) each."""
        return {"residual": state.residual.squeeze(1), "unsolved": state.unsolved.squeeze(1)}


def normalized_gramian(signals: Signals) -> tuple[Gramian, Tensor]:
    """Returns the Gramian divided by its trace (R, T, T), exactly symmetric, and the trace (R, 1).

    A Gramian of zeros stays zero.
    """
    gramian = signals.gramian.to(torch.float64)
    trace = gramian.diagonal(dim1=1, dim2=2).sum(1, keepdim=True)
    half = 0.5 / torch.where(trace > 0, trace, 1.0).unsqueeze(2)
    gramian = gramian * half
    return gramian + gramian.mT, trace


class Eigenpairs(NamedTuple):
    """Eigenvalues (R, T), ascending; eigenvectors (R, T, T) in columns; (R, T) bool, which count.

    An eigenvalue does not count if it is rounding error: at most max * n * epsilon of the dtype of
    the Gramian, with n present tasks. numpy and torch use this limit for a matrix rank.
    """

    values: Tensor
    vectors: Tensor
    counted: Tensor

    @classmethod
    def of(cls, matrix: Tensor, signals: Signals) -> "Eigenpairs":
        """Returns the spectrum of a symmetric matrix (R, T, T) computed from these signals."""
        values, vectors = torch.linalg.eigh(matrix)
        epsilon = torch.finfo(signals.gramian.dtype).eps
        floor = values[:, -1:] * signals.present.sum(1, keepdim=True) * epsilon
        return cls(values, vectors, values > floor.clamp_min(0))

    def apply(self, function: Tensor, vector: Tensor) -> Tensor:
        """Returns V diag(function) V^T vector over the eigenvalues that count, (R, T)."""
        along = (self.vectors.mT @ vector.unsqueeze(2)).squeeze(2)
        along = torch.where(self.counted, function * along, 0.0)
        return (self.vectors @ along.unsqueeze(2)).squeeze(2)

    def pseudo_inverse_times(self, vector: Tensor) -> Tensor:
        """Returns pinv(matrix) @ vector, (R, T)."""
        return self.apply(self.values.reciprocal(), vector)


def proportional_fairness(signals: Signals, alpha: float) -> tuple[Weights, Tensor]:
    """Solves K w = w^(-1/alpha) for w > 0, the condition of FairGrad and (alpha = 1) of Nash-MTL.

    w is the minimum of the convex w^T K w / 2 - sum of w^(1 - 1/alpha) / (1 - 1/alpha) (for
    alpha = 1, of w^T K w / 2 - sum of log w). It is found by Newton's method on the cosine matrix,
    from the solution for orthogonal gradients. A weight changes on its log scale. Where K w is too
    large, the logarithm of the equation is solved, because it is closer to linear there.
    A task without a gradient has no solution and gets weight zero. If zero is in the convex hull of
    the gradients, there is no solution; then the weights and the residual are large.

    Args:
        signals: the signals of the step.
        alpha: above 0.

    Returns:
        weights: (R, T) float64.
        residual: (R,), the largest |(K w)_i w_i^(1/alpha) - 1|.
    """
    gramian, trace = normalized_gramian(signals)
    power = 1 / alpha
    squared_norms = gramian.diagonal(dim1=1, dim2=2).unsqueeze(2)
    heard = signals.present.unsqueeze(2) & (squared_norms > _SILENT)
    scale = torch.where(heard, squared_norms.clamp_min(_SILENT).rsqrt(), 0.0)
    # With w = scale * z: cosines z = exp(level) z^(-power); an excluded task has z = 1.
    cosines = gramian * scale * scale.mT
    cosines.diagonal(dim1=1, dim2=2).add_(_RIDGE).add_(~heard.squeeze(2))
    level = (1 - power) * torch.where(heard, scale, 1.0).log()
    weights = scale * _newton(cosines, level, power)
    reached = torch.bmm(gramian, weights) * weights**power
    residual = torch.where(heard, reached - 1, 0.0).abs().amax((1, 2))
    unscaled = trace.clamp_min(torch.finfo(torch.float64).tiny) ** (-alpha / (1 + alpha))
    largest = torch.finfo(signals.losses.dtype).max
    weights = (weights.squeeze(2) * unscaled).nan_to_num(0.0).clamp_max(largest)
    return weights, residual.nan_to_num(torch.inf)


def _newton(cosines: Tensor, level: Tensor, power: float) -> Tensor:
    """Returns z (R, T, 1) that solves cosines z = exp(level) z^(-power).

    Args:
        cosines: (R, T, T), positive definite.
        level: (R, T, 1).
        power: above 0.
    """
    log_z = level / (1 + power)
    hessian = torch.empty_like(cosines)
    diagonal = hessian.diagonal(dim1=1, dim2=2).unsqueeze(2)
    for _ in range(_NEWTON_STEPS):
        log_wanted = torch.add(level, log_z, alpha=-power)
        z, wanted = log_z.exp(), log_wanted.exp()
        reached = torch.bmm(cosines, z)
        larger = torch.maximum(reached, wanted)
        short = (wanted - reached).clamp_min_(0)
        short.addcmul_(larger, (larger / wanted).log_(), value=-1)
        hessian.copy_(cosines)
        diagonal.add_(larger / z, alpha=power)
        factor, _ = torch.linalg.cholesky_ex(hessian)
        relative = torch.cholesky_solve(short, factor) / z
        log_z = log_z + relative.clamp_min(0).log1p_() + relative.clamp_(-_LONGEST_FALL, 0)
    return log_z.exp()
