"""IMTL-G: a direction with equal projections on all task gradients."""

from typing import ClassVar

import torch
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import NoState, Signals, Stateless
from hemomodel.balancers._solvers import Eigenpairs, normalized_gramian
from hemomodel.typing import Weights

__all__ = ["IMTLG"]

_CANCELLED = 1e-12  # for K of trace one, a smaller sum is rounding error


@dataclass(frozen=True)
class IMTLG(Stateless, name="imtl_g"):
    """Impartial multi-task learning, gradients (Liu et al., ICLR 2021).

    The weights sum to 1 and make g . g_i / |g_i| the same for all tasks: v / sum(v) with
    v = pinv(K) sqrt(diag K), a form that also accepts linearly dependent gradients (Quinton & Rey,
    arXiv 2406.16232). They can be negative. They are large where the sum of v is nearly zero, and
    zero where it is zero.
    Weights apply only to the trunk; each head is trained on its own loss.
    """

    weighs_heads: ClassVar[bool] = False

    def weigh(self, signals: Signals, state: NoState) -> tuple[Weights, NoState]:
        """Returns the weights of the impartial direction."""
        gramian, _ = normalized_gramian(signals)
        norms = gramian.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
        v = Eigenpairs.of(gramian, signals).pseudo_inverse_times(norms)
        total = v.sum(1, keepdim=True)
        weights = torch.where(total.abs() < _CANCELLED, 0.0, v / total)
        return (weights * signals.present).to(signals.losses.dtype), state
