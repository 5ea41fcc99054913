"""The sum of the losses' logarithms."""

from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import LOSS_FLOOR, NoState, Signals, Stateless
from hemomodel.typing import Weights

__all__ = ["ScaleInvariant"]


@dataclass(frozen=True)
class ScaleInvariant(Stateless, name="scale_invariant"):
    """The total is sum log L_i; a factor of a loss does not change its derivatives.

    This is the loss part of DB-MTL (Lin et al., arXiv 2308.12029). The weights are 1 / L_i, to
    which uncertainty weighting and IMTL-L converge; here nothing is learned. A loss below 1e-8 is
    replaced by 1e-8. Weights apply to trunk and heads. They have no fixed sum, but the weighted
    losses sum to T.
    """

    def weigh(self, signals: Signals, state: NoState) -> tuple[Weights, NoState]:
        """Returns the inverse losses."""
        return signals.present / signals.losses.clamp_min(LOSS_FLOOR), state
