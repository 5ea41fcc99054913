"""Runs TorchJD's balancers on the same network and step, one replicate at a time."""

from collections.abc import Callable

import torch
from torchjd import aggregation as agg
from torchjd import scalarization as sca
from torchjd.autojac import jac_to_grad, mtl_backward

from hemomodel.dataset.stack import Stack
from scripts.bench.plain_loop import Network

__all__ = ["AGGREGATORS", "SCALARIZERS", "TorchJD"]

# Without Nash-MTL: it needs a solver that TorchJD does not install, and may return ones silently.
AGGREGATORS: dict[str, Callable[[], agg.Aggregator]] = {
    "mgda": agg.MGDA,
    "pcgrad": agg.PCGrad,
    "cagrad": lambda: agg.CAGrad(c=0.4),
    "imtl_g": agg.IMTLG,
    "aligned_mtl": agg.AlignedMTL,
    "fairgrad": lambda: agg.FairGrad(alpha=2.0),
    "upgrad": agg.UPGrad,
    "config": agg.ConFIG,
}
SCALARIZERS: dict[str, Callable[[], sca.Scalarizer]] = {
    "equal": sca.Mean,
    "random": sca.Random,
    "dwa": sca.DWA,
    "geometric": sca.GeometricMean,
    "imtl_l": lambda: sca.IMTLL(10),
    "uncertainty": lambda: sca.UW(10),
    "famo": lambda: sca.FAMO(10),
    "stch": lambda: sca.STCH(0.1),
}


class TorchJD(Network):
    """The step as TorchJD's documentation shows it."""

    def __init__(self, stack: Stack, balancer: str) -> None:
        super().__init__(stack)
        if balancer in AGGREGATORS:
            self.aggregator = AGGREGATORS[balancer]()
            self.step = self.aggregate
        else:
            self.scalarizer = SCALARIZERS[balancer]()
            learned = list(self.scalarizer.parameters())
            if learned:
                self.adam.add_param_group({"params": learned})
            self.step = self.scalarize

    def aggregate(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One step on the aggregated Jacobian of the trunk; each head follows its own loss."""
        features = self.trunk(x)
        self.adam.zero_grad()
        mtl_backward(self.task_losses(features, y), features=features)
        jac_to_grad(self.trunk.parameters(), self.aggregator)
        self.adam.step()

    def scalarize(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One step on the scalarised losses."""
        self.adam.zero_grad()
        losses = torch.stack(self.task_losses(self.trunk(x), y))
        self.scalarizer(losses).backward()
        self.adam.step()
        if isinstance(self.scalarizer, sca.FAMO):
            with torch.no_grad():
                self.scalarizer.update(torch.stack(self.task_losses(self.trunk(x), y)))
