"""The peers of the bench: the same network and step, one replicate at a time, the usual way."""

from collections.abc import Callable

import torch
from torch import nn
from torchjd import aggregation as agg
from torchjd import scalarization as sca
from torchjd.autojac import jac_to_grad, mtl_backward

from hemomodel.stack import Stack

__all__ = ["AGGREGATORS", "SCALARIZERS", "TorchJD", "UsualWay"]

ALPHA = 1.5

# TorchJD's Nash-MTL needs a solver that is not installed with it, and may return ones in silence.
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


class Network:
    """One replicate of torch.nn layers, with a loss a task."""

    def __init__(self, stack: Stack) -> None:
        inputs, sizes = stack.features.shape[2], [task.size for task in stack.tasks]
        self.trunk = nn.Sequential(
            nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16)
        )
        self.heads = nn.ModuleList(nn.Linear(16, size) for size in sizes)
        self.sizes = sizes
        self.losses = [
            nn.MSELoss() if task.kind == "regression" else nn.CrossEntropyLoss()
            for task in stack.tasks
        ]
        parameters = [*self.trunk.parameters(), *self.heads.parameters()]
        self.adam = torch.optim.AdamW(parameters, lr=1e-2)

    def task_losses(self, shared: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """Returns the losses of the tasks."""
        targets = y.split(self.sizes, 1)
        return [
            loss(head(shared), target if target.shape[1] == 1 else target.argmax(1))
            for head, loss, target in zip(self.heads, self.losses, targets, strict=True)
        ]


class UsualWay(Network):
    """As a notebook trains it: a loop over the tasks, autograd, torch.optim."""

    def __init__(self, stack: Stack, balancer: str) -> None:
        super().__init__(stack)
        tasks = len(self.sizes)
        self.step = {
            "equal": self.equal,
            "uncertainty": self.uncertainty,
            "gradnorm": self.gradnorm,
        }[balancer]
        self.extra = torch.zeros(tasks) if balancer == "uncertainty" else torch.ones(tasks)
        self.extra.requires_grad_()
        self.extra_adam = torch.optim.Adam([self.extra], lr=1e-2)
        self.reference: torch.Tensor | None = None

    def losses_of(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Returns the losses (T,)."""
        return torch.stack(self.task_losses(self.trunk(x), y))

    def equal(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One step on the mean of the losses."""
        self.adam.zero_grad()
        self.losses_of(x, y).mean().backward()
        self.adam.step()

    def uncertainty(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One step with learned log-variances."""
        self.adam.zero_grad()
        self.extra_adam.zero_grad()
        losses = self.losses_of(x, y)
        ((-self.extra).exp() * losses + self.extra).mean().backward()
        self.adam.step()
        self.extra_adam.step()

    def gradnorm(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One step as published code takes it."""
        losses = self.losses_of(x, y)
        if self.reference is None:
            self.reference = losses.detach()
        last = self.trunk[-1].weight
        norms = torch.stack(
            [
                torch.autograd.grad(w * loss, last, retain_graph=True, create_graph=True)[0].norm()
                for w, loss in zip(self.extra, losses, strict=True)
            ]
        )
        rate = (losses / self.reference).detach()
        target = (norms.mean() * (rate / rate.mean()) ** ALPHA).detach()
        moved = torch.autograd.grad((norms - target).abs().sum(), self.extra, retain_graph=True)[0]
        self.adam.zero_grad()
        (self.extra.detach() * losses).mean().backward()
        self.adam.step()
        self.extra.grad = moved
        self.extra_adam.step()
        with torch.no_grad():
            self.extra.mul_(len(losses) / self.extra.sum())


class TorchJD(Network):
    """The step as TorchJD's documentation takes it."""

    def __init__(self, stack: Stack, balancer: str) -> None:
        super().__init__(stack)
        if balancer in AGGREGATORS:
            self.aggregator = AGGREGATORS[balancer]()
            self.step = self.aggregate
        else:
            self.scalarizer = SCALARIZERS[balancer]()
            own = list(self.scalarizer.parameters())
            if own:
                self.adam.add_param_group({"params": own})
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
