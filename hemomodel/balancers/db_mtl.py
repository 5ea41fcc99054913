"""DB-MTL: log losses, and gradients of equal length."""

from typing import Annotated, ClassVar, NamedTuple

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.balancers._base import Balancer, Signals
from hemomodel.domains import Uniform
from hemomodel.typing import Losses, Weights

__all__ = ["DBMTL", "DBMTLState"]

_FLOOR = 1e-8  # of a loss and of a norm, as in the published code


class DBMTLState(NamedTuple):
    """norms: (R, T), running means of |grad log L_i|. seen: (R, T) int64, the steps in each."""

    norms: Tensor
    seen: Tensor


@dataclass(frozen=True)
class DBMTL(Balancer[DBMTLState], name="db_mtl"):
    """Dual-balancing (Lin et al., arXiv 2308.12029, sections 3.1 and 3.2, algorithm 1).

    Each loss is replaced by its logarithm, and each gradient of a log loss is scaled to the length
    of the longest: with u_i = |g_i| / L_i, the weights are max(u) / u_i / L_i. They have no fixed
    sum.
    Weights apply only to the trunk; each head is trained on its own loss.

    **This differs from the paper unless beta is 0.** The paper also keeps a running mean of each
    gradient vector and steps along it. A balancer here returns weights of this step's gradients.
    So the running mean is that of the norms u_i instead; it smooths the scales but not the
    directions.

    Attributes:
        beta: share of the past in the running mean. With 0 there is no running mean.
    """

    weighs_heads: ClassVar[bool] = False

    beta: Annotated[float, Uniform(0.0, 0.99), Field(ge=0, lt=1)] = 0.0

    def init(self, losses: Losses) -> DBMTLState:
        """Returns norms that the first step replaces."""
        return DBMTLState(torch.zeros_like(losses), torch.zeros_like(losses, dtype=torch.int64))

    def weigh(self, signals: Signals, state: DBMTLState) -> tuple[Weights, DBMTLState]:
        """Returns the weights, with this step's norms in the running means."""
        present = signals.present
        losses = signals.losses.clamp_min(_FLOOR)
        past = torch.where(state.seen > 0, self.beta, 0.0).to(losses.dtype)
        norms = torch.lerp(signals.norms / losses, state.norms, past)
        norms = torch.where(present, norms, state.norms)
        longest = torch.where(present, norms, 0.0).amax(1, keepdim=True)
        weights = longest / norms.clamp_min(_FLOOR) / losses
        weights = torch.where(present, weights, 0.0)
        return weights, DBMTLState(norms, state.seen + present)
