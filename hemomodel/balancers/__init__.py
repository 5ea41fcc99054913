"""Ways of weighting the task losses, one file a method.

A new balancer is one file and one import line here: that makes it a choice of the search, a
subject of the contract tests and a row of every table.
"""

from hemomodel.balancers._base import BALANCERS, Balancer, Signals
from hemomodel.balancers.equal import Equal
from hemomodel.balancers.fixed import Fixed
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.balancers.single_task import SingleTask
from hemomodel.balancers.uncertainty import Uncertainty

__all__ = [
    "BALANCERS",
    "Balancer",
    "Equal",
    "Fixed",
    "GradNorm",
    "Signals",
    "SingleTask",
    "Uncertainty",
]
