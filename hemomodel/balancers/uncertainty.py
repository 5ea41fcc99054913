"""Uncertainty weighting: each loss is divided by the learned noise of its task."""

from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import Adam, Balancer, Signals
from hemomodel.domains import LogUniform
from hemomodel.typing import Losses, Weights

__all__ = ["Uncertainty", "UncertaintyState"]

_LIMIT = 12.0  # e^12 = 160,000: a memorised task must not drive its weight to infinity


class UncertaintyState(NamedTuple):
    """log_variance: (R, T), s of each task; adam: its moments."""

    log_variance: Tensor
    adam: Adam


@dataclass(frozen=True)
class Uncertainty(Balancer[UncertaintyState], name="uncertainty"):
    """Homoscedastic uncertainty (Kendall, Gal & Cipolla, CVPR 2018), learned as s = log sigma^2.

    `kendall`: e^-s L + s/2 for cross-entropies, e^-s L/2 + s/2 for squared errors (equations 7
    and 10). A count has the form of a cross-entropy: if e^s is its dispersion, this is the
    saddlepoint likelihood of half a deviance (Jorgensen, J. R. Stat. Soc. B 49, 1987). Equation 7
    is its Gaussian case, in which a squared error is the full deviance.
    `seed`: e^-s L + s for every task, as published with the original network.
    s is trained by its own Adam without weight decay, from zero, clamped to [-12, 12].
    Weights apply to trunk and heads. They have no fixed sum, and each converges to the inverse of
    its loss (`seed`) or of twice its loss.

    Attributes:
        form: which total is used.
        lr: learning rate of s.
    """

    form: Literal["kendall", "seed"] = "kendall"
    lr: Annotated[float, LogUniform(1e-4, 1e-1), Field(gt=0)] = 1e-2

    def init(self, losses: Losses) -> UncertaintyState:
        """Returns s = 0 for each task."""
        start = torch.zeros_like(losses)
        return UncertaintyState(start, Adam.zeros(start))

    def weigh(self, signals: Signals, state: UncertaintyState) -> tuple[Weights, UncertaintyState]:
        """Returns e^-s (halved for squared errors under `kendall`) from before this step's s."""
        precision = (-state.log_variance).exp()
        if self.form == "seed":
            weights, penalty = precision, 1.0
        else:
            weights, penalty = precision * torch.where(signals.regression, 0.5, 1.0), 0.5
        gradient = penalty - weights * signals.losses
        change, adam = state.adam.step(gradient, self.lr, signals.present)
        moved = (state.log_variance - change).clamp(-_LIMIT, _LIMIT)
        return weights * signals.present, UncertaintyState(moved, adam)
