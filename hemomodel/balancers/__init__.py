"""Methods that weight the task losses, one file per method.

To add a balancer, add one file and one import line here. The search, the contract tests and all
tables then include it.
"""

from hemomodel.balancers._base import BALANCERS, Balancer, Signals
from hemomodel.balancers.aligned_mtl import AlignedMTL
from hemomodel.balancers.cagrad import CAGrad
from hemomodel.balancers.config import ConFIG
from hemomodel.balancers.db_mtl import DBMTL
from hemomodel.balancers.dwa import DWA
from hemomodel.balancers.equal import Equal
from hemomodel.balancers.fairgrad import FairGrad
from hemomodel.balancers.famo import FAMO
from hemomodel.balancers.fixed import Fixed
from hemomodel.balancers.geometric import Geometric
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.balancers.imtl_g import IMTLG
from hemomodel.balancers.imtl_l import IMTLL
from hemomodel.balancers.mgda import MGDA
from hemomodel.balancers.nash_mtl import NashMTL
from hemomodel.balancers.pcgrad import PCGrad
from hemomodel.balancers.random import Random
from hemomodel.balancers.scale_invariant import ScaleInvariant
from hemomodel.balancers.single_task import SingleTask
from hemomodel.balancers.stch import STCH
from hemomodel.balancers.uncertainty import Uncertainty
from hemomodel.balancers.upgrad import UPGrad
from hemomodel.balancers.uw_so import UWSO

__all__ = [
    "BALANCERS",
    "DBMTL",
    "DWA",
    "FAMO",
    "IMTLG",
    "IMTLL",
    "MGDA",
    "STCH",
    "UWSO",
    "AlignedMTL",
    "Balancer",
    "CAGrad",
    "ConFIG",
    "Equal",
    "FairGrad",
    "Fixed",
    "Geometric",
    "GradNorm",
    "NashMTL",
    "PCGrad",
    "Random",
    "ScaleInvariant",
    "Signals",
    "SingleTask",
    "UPGrad",
    "Uncertainty",
]
