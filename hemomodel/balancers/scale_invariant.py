"""The sum of the losses' logarithms."""

from pydantic.dataclasses import dataclass

from hemomodel.balancers._base import LOSS_FLOOR, NoState, Signals, Stateless
from hemomodel.typing import Weights

__all__ = ["ScaleInvariant"]


@dataclass(frozen=True)
class ScaleInvariant(Stateless, name="scale_invariant"):
    """The total sum log L_i, whose derivatives no scaling of a loss can change.

    The losses' part of DB-MTL (Lin et al., arXiv 2308.12029). Weights 1 / L_i, where uncertainty
    weighting and IMTL-L settle, without anything to learn. A loss below 1e-8 counts as 1e-8.
    Weights apply to trunk and heads; they sum to nothing in particular, but the weighted losses
    sum to T.
    """

    def weigh(self, signals: Signals, state: NoState) -> tuple[Weights, NoState]:
        """Returns the inverse losses."""
        return signals.present / signals.losses.clamp_min(LOSS_FLOOR), state
