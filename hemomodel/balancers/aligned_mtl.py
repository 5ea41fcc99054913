"""Aligned-MTL: orthogonal gradients of equal length."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import NoState, Signals, Stateless
from hemomodel.balancers._solvers import Eigenpairs, normalized_gramian
from hemomodel.domains import OneOf
from hemomodel.typing import Weights

__all__ = ["AlignedMTL"]


@dataclass(frozen=True)
class AlignedMTL(Stateless, name="aligned_mtl"):
    """Independent component alignment (Senushkin et al., CVPR 2023, algorithm 1).

    The gradient matrix is replaced by the nearest one with equal singular values, and the mean of
    its rows is the direction. The weights are sigma V diag(1 / sigma_i) V^T 1/T, where sigma_i^2
    and V are the eigenvalues and eigenvectors of K. They can be negative and have no fixed sum.
    Each is 1/T if the gradients are orthogonal and of equal length, or all zero.
    Weights apply only to the trunk; each head is trained on its own loss.

    Attributes:
        scale: the value of sigma: the smallest singular value (`min`, as in the paper), which makes
            the step almost zero where two gradients nearly coincide, or their root mean square
            (`rmse`, as in the authors' code).
    """

    weighs_heads: ClassVar[bool] = False

    scale: Annotated[Literal["min", "rmse"], OneOf("min", "rmse")] = "min"

    def weigh(self, signals: Signals, state: NoState) -> tuple[Weights, NoState]:
        """Returns the weights of the aligned direction."""
        gramian, _ = normalized_gramian(signals)
        spectrum = Eigenpairs.of(gramian, signals)
        count = signals.present.sum(1, keepdim=True).clamp_min(1)
        mean = signals.present.to(gramian.dtype) / count
        counted, values = spectrum.counted, spectrum.values
        if self.scale == "min":
            squared = torch.where(counted, values, torch.inf).amin(1, keepdim=True)
        else:
            squared = (values * counted).sum(1, keepdim=True) / counted.sum(1, keepdim=True)
        aligned = spectrum.apply((squared / values).sqrt(), mean)
        weights = torch.where(counted.any(1, keepdim=True), aligned, mean)
        return (weights * signals.present).to(signals.losses.dtype), state
