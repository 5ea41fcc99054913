"""Ways of weighting the task losses, one file a method.

A new balancer is one file and one import line here: that makes it a choice of the search, a
subject of the contract tests and a row of every table.
"""

from hemomodel.balancers._base import BALANCERS, Balancer, Signals
from hemomodel.balancers.dwa import DWA
from hemomodel.balancers.equal import Equal
from hemomodel.balancers.famo import FAMO
from hemomodel.balancers.fixed import Fixed
from hemomodel.balancers.geometric import Geometric
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.balancers.imtl_l import IMTLL
from hemomodel.balancers.random import Random
from hemomodel.balancers.scale_invariant import ScaleInvariant
from hemomodel.balancers.stch import STCH
from hemomodel.balancers.uncertainty import Uncertainty
from hemomodel.balancers.uw_so import UWSO

__all__ = [
    "BALANCERS",
    "DWA",
    "FAMO",
    "IMTLL",
    "STCH",
    "UWSO",
    "Balancer",
    "Equal",
    "Fixed",
    "Geometric",
    "GradNorm",
    "Random",
    "ScaleInvariant",
    "Signals",
    "Uncertainty",
]
