"""ConFIG: a direction at equal angles to all task gradients."""

from typing import ClassVar

import torch
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import NoState, Signals, Stateless
from hemomodel.balancers._solvers import Eigenpairs, normalized_gramian
from hemomodel.typing import Weights

__all__ = ["ConFIG"]

_SILENT = 1e-24  # a squared norm below this share of the trace counts as zero


@dataclass(frozen=True)
class ConFIG(Stateless, name="config"):
    """Conflict-free inverse gradients (Liu, Chu & Thuerey, arXiv 2408.11104, equation 2).

    With the unit gradients as rows of U, the direction is that of pinv(U) 1, which has the same
    cosine with each gradient. Its length is the sum of the gradients' projections on it. In
    inner products: a = pinv(U U^T) 1 is the combination of unit gradients. The weights can be
    negative and have no fixed sum. Each is T if the gradients are orthogonal and of equal length.
    A task without a gradient gets weight zero.
    Weights apply only to the trunk; each head is trained on its own loss.
    """

    weighs_heads: ClassVar[bool] = False

    def weigh(self, signals: Signals, state: NoState) -> tuple[Weights, NoState]:
        """Returns the weights of the conflict-free direction."""
        gramian, _ = normalized_gramian(signals)
        squared = gramian.diagonal(dim1=1, dim2=2)
        heard = squared > _SILENT
        norms = torch.where(heard, squared, 1.0).sqrt()
        cosines = gramian / (norms.unsqueeze(2) * norms.unsqueeze(1))
        units = Eigenpairs.of(cosines, signals).pseudo_inverse_times(heard.to(norms.dtype))
        along = (cosines @ units.unsqueeze(2)).squeeze(2)
        squared_length = (units * along).sum(1, keepdim=True)
        reach = (norms * along).sum(1, keepdim=True)
        weights = torch.where(squared_length > _SILENT, reach * units / squared_length, 0.0) / norms
        return torch.where(heard, weights, 0.0).to(signals.losses.dtype), state
