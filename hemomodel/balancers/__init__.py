"""Ways of weighting the task losses, one file a method.

A new balancer is one file and one import line here: that makes it a choice of the search, a
subject of the contract tests and a row of every table.
"""

from hemomodel.balancers._base import BALANCERS, Balancer, Signals
from hemomodel.balancers.aligned_mtl import AlignedMTL
from hemomodel.balancers.cagrad import CAGrad
from hemomodel.balancers.config import ConFIG
from hemomodel.balancers.db_mtl import DBMTL
from hemomodel.balancers.equal import Equal
from hemomodel.balancers.fairgrad import FairGrad
from hemomodel.balancers.fixed import Fixed
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.balancers.imtl_g import IMTLG
from hemomodel.balancers.mgda import MGDA
from hemomodel.balancers.nash_mtl import NashMTL
from hemomodel.balancers.pcgrad import PCGrad
from hemomodel.balancers.single_task import SingleTask
from hemomodel.balancers.uncertainty import Uncertainty
from hemomodel.balancers.upgrad import UPGrad

__all__ = [
    "AlignedMTL",
    "BALANCERS",
    "Balancer",
    "CAGrad",
    "ConFIG",
    "DBMTL",
    "Equal",
    "FairGrad",
    "Fixed",
    "GradNorm",
    "IMTLG",
    "MGDA",
    "NashMTL",
    "PCGrad",
    "Signals",
    "SingleTask",
    "UPGrad",
    "Uncertainty",
]
