"""Smooth Tchebycheff scalarization: a soft maximum of the losses."""

from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import LOSS_FLOOR, Balancer, Signals, masked_softmax
from hemomodel.domains import OneOf
from hemomodel.typing import Losses, Weights

__all__ = ["STCH", "STCHState"]


class STCHState(NamedTuple):
    """reference: (R, T), the trivial predictor's losses."""

    reference: Tensor


@dataclass(frozen=True)
class STCH(Balancer[STCHState], name="stch"):
    """Smooth Tchebycheff scalarization (Lin et al., ICML 2024).

    The total is mu log sum exp(lambda (f_i - z) / mu), with equal preferences lambda = 1 / T and
    the ideal point z = 0. In form `plain`, f is the loss itself: the weights lambda softmax(lambda
    L / mu) sum to 1 / T. The authors train multi-task networks on log(L_i / nadir_i), where the
    nadir is a mean loss after some epochs of warm-up. In form `log`, the nadir is the trivial
    predictor's loss instead. It is known from the start, so there is no warm-up. The weights are
    lambda softmax(lambda f / mu) / L_i; a loss below 1e-8 is replaced by 1e-8. (In the paper
    lambda is 1 and the total is T times this total: our mu is the paper's mu divided by T.) Weights
    apply to trunk and heads.

    Attributes:
        mu: the smaller mu, the closer the total is to the maximum; the choices are the paper's.
        form: `plain`: f is the loss; `log`: f is log(loss / loss of the trivial predictor).
    """

    mu: Annotated[float, OneOf(0.01, 0.1, 0.5, 1.0), Field(gt=0)] = 0.1
    form: Literal["plain", "log"] = "plain"

    def init(self, losses: Losses) -> STCHState:
        """Returns the trivial predictor's losses."""
        return STCHState(losses.clone())

    def weigh(self, signals: Signals, state: STCHState) -> tuple[Weights, STCHState]:
        """Returns the derivatives of the soft maximum by each loss."""
        tasks = signals.count.clamp_min(1)
        losses = signals.losses
        slope = torch.ones_like(losses)
        if self.form == "log":
            slope = 1 / losses.clamp_min(LOSS_FLOOR)
            losses = -(state.reference.clamp_min(LOSS_FLOOR) * slope).log()
        soft = masked_softmax(losses / (tasks * self.mu), signals.present)
        return soft * slope / tasks, state
