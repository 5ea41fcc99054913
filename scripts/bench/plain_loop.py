"""The plain loop: the same network and step, one replicate at a time, with autograd."""

import itertools

import torch
from torch import nn

from hemomodel.dataset.stack import Stack
from hemomodel.training.fit_config import FitConfig

__all__ = ["Network", "PlainLoop"]

DEFAULT = FitConfig()


class Network:
    """One replicate of torch.nn layers, with one loss per task."""

    def __init__(self, stack: Stack, config: FitConfig = DEFAULT) -> None:
        sizes = [task.size for task in stack.tasks]
        widths = (stack.features.shape[2], *config.hidden)
        layers: list[nn.Module] = [nn.Linear(widths[0], widths[1])]
        for width, following in itertools.pairwise(widths[1:]):
            layers += [nn.ReLU(), *([nn.Dropout(config.dropout)] if config.dropout else [])]
            layers += [nn.Linear(width, following)]
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleList(nn.Linear(widths[-1], size) for size in sizes)
        self.sizes = sizes
        self.losses = [
            nn.MSELoss() if task.is_value else nn.CrossEntropyLoss() for task in stack.tasks
        ]
        parameters = [*self.trunk.parameters(), *self.heads.parameters()]
        steps = -(-stack.rows_per_epoch // config.batch_size)
        scale = config.weight_decay_epochs
        groups = [
            {
                "params": [part for part in parameters if part.ndim > 1],
                "weight_decay": 1 / (config.lr * steps * scale) if scale else 0.0,
            },
            {"params": [part for part in parameters if part.ndim == 1], "weight_decay": 0.0},
        ]
        self.adam = torch.optim.AdamW(groups, lr=config.lr)

    def task_losses(self, shared: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """Returns the losses of the tasks."""
        targets = y.split(self.sizes, 1)
        return [
            loss(head(shared), target if target.shape[1] == 1 else target.argmax(1))
            for head, loss, target in zip(self.heads, self.losses, targets, strict=True)
        ]


class PlainLoop(Network):
    """Trains as a notebook does: a loop over the tasks, autograd, torch.optim."""

    def __init__(self, stack: Stack, balancer: str, config: FitConfig = DEFAULT) -> None:
        super().__init__(stack, config)
        tasks = len(self.sizes)
        self.step = {
            "equal": self.equal,
            "uncertainty": self.uncertainty,
            "gradnorm": self.gradnorm,
        }[balancer]
        self.extra = torch.zeros(tasks) if balancer == "uncertainty" else torch.ones(tasks)
        self.extra.requires_grad_()
        self.extra_adam = torch.optim.Adam([self.extra], lr=getattr(config.balancer, "lr", 1e-2))
        self.alpha = getattr(config.balancer, "alpha", 1.5)
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
        """One step of GradNorm, as in published code."""
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
        target = (norms.mean() * (rate / rate.mean()) ** self.alpha).detach()
        moved = torch.autograd.grad((norms - target).abs().sum(), self.extra, retain_graph=True)[0]
        self.adam.zero_grad()
        (self.extra.detach() * losses).mean().backward()
        self.adam.step()
        self.extra.grad = moved
        self.extra_adam.step()
        with torch.no_grad():
            self.extra.mul_(len(losses) / self.extra.sum())
