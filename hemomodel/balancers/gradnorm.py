"""GradNorm: brings all tasks to a common training rate."""

from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import LOSS_FLOOR, Adam, Balancer, Signals, masked_mean
from hemomodel.domains import LogUniform, Uniform
from hemomodel.typing import Losses, Weights

__all__ = ["GradNorm", "GradNormState"]

_FLOOR = 1e-3  # a step may cross zero, and a weight of zero would stay zero


class GradNormState(NamedTuple):
    """Memory of GradNorm.

    weights: (R, T), with sum T. adam: the moments of the weights. reference: (R, T), L(0).
    seen: (R, T), the number of batches in the mean of the reference, or -1 once it is final.
    """

    weights: Tensor
    adam: Adam
    reference: Tensor
    seen: Tensor


@dataclass(frozen=True)
class GradNorm(Balancer[GradNormState], name="gradnorm"):
    """GradNorm (Chen, Badrinarayanan, Lee & Rabinovich, ICML 2018, algorithm 1).

    With G_i = w_i |g_i| and the relative inverse training rate r_i = L_i / L_i(0), divided by its
    mean, each weight minimises |G_i - mean(G) r_i^alpha|, where the target is held constant. The
    derivative sign(G_i - target_i) |g_i| needs no second backward pass. Then the weights are
    limited from below and rescaled to their previous sum, which is T over all tasks. Means and sums
    are over the present tasks. The network's step uses the weights from before this update. Weights
    apply to trunk and heads.

    Attributes:
        alpha: strength of the attraction to a common rate; 0 gives equal gradient norms.
        lr: learning rate of the weights (Adam).
        reference: L(0): the `trivial` predictor's losses on the training rows, the mean over the
            first `epoch`, or the first `batch` (as in most published code; very noisy for 4 rows).
    """

    alpha: Annotated[float, Uniform(0.0, 3.0), Field(ge=0)] = 1.5
    lr: Annotated[float, LogUniform(1e-4, 1e-1), Field(gt=0)] = 1e-2
    reference: Literal["trivial", "epoch", "batch"] = "trivial"

    def init(self, losses: Losses) -> GradNormState:
        """Returns weights of one, and L(0) if it is the trivial predictor's."""
        ones = torch.ones_like(losses)
        seen = torch.full_like(losses, -1.0 if self.reference == "trivial" else 0.0)
        return GradNormState(ones, Adam.zeros(ones), losses.clone(), seen)

    def weigh(self, signals: Signals, state: GradNormState) -> tuple[Weights, GradNormState]:
        """Returns the weights from before this step's update."""
        present = signals.present
        state = self._observe(signals, state)
        norms = signals.norms
        pull = state.weights * norms
        rate = signals.losses / state.reference.clamp_min(LOSS_FLOOR)
        rate = rate / masked_mean(rate, present).clamp_min(torch.finfo(rate.dtype).tiny)
        target = masked_mean(pull, present) * rate**self.alpha
        change, adam = state.adam.step((pull - target).sign() * norms, self.lr, present)
        weights = state.weights * present
        moved = (weights - change).clamp_min(_FLOOR) * present
        total = moved.sum(1, keepdim=True).clamp_min(_FLOOR)
        moved = moved * (weights.sum(1, keepdim=True) / total)
        moved = torch.where(present, moved, state.weights)
        return weights, state._replace(weights=moved, adam=adam)

    def _observe(self, signals: Signals, state: GradNormState) -> GradNormState:
        """Adds a batch to L(0) until L(0) is final."""
        if self.reference == "trivial":
            return state
        measuring = signals.present & (state.seen >= 0)
        seen = torch.where(measuring, state.seen + 1, state.seen)
        mean = state.reference + (signals.losses - state.reference) / seen.abs().clamp_min(1)
        reference = torch.where(measuring, mean, state.reference)
        state = state._replace(reference=reference, seen=seen)
        return self.end_epoch(state) if self.reference == "batch" else state

    def end_epoch(self, state: GradNormState) -> GradNormState:
        """Fixes L(0) after the first epoch in which a task was present."""
        return state._replace(seen=torch.where(state.seen > 0, -1.0, state.seen))
