"""Races the stacked step against the same step trained one replicate at a time, the usual way.

The usual way is what the original did: torch.nn layers, a loop over the tasks, torch.optim.Adam,
and for GradNorm one autograd pass a task with create_graph. Both do the same work: the same
network, batches, losses and optimizer. Rounds alternate, and medians are compared within one run.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from hemomodel import FitConfig, Replicates, synthetic_cohort
from hemomodel.balancers import BALANCERS
from hemomodel.preparing import prepare
from hemomodel.stack import Stack
from hemomodel.training import Training
from study.cli import run_cli

ALPHA = 1.5


class UsualWay:
    """One replicate, as a notebook trains it."""

    def __init__(self, stack: Stack, balancer: str) -> None:
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
        tasks = len(sizes)
        self.step = {
            "equal": self.equal,
            "uncertainty": self.uncertainty,
            "gradnorm": self.gradnorm,
        }[balancer]
        self.extra = torch.zeros(tasks) if balancer == "uncertainty" else torch.ones(tasks)
        self.extra.requires_grad_()
        self.extra_adam = torch.optim.Adam([self.extra], lr=1e-2)
        self.reference: torch.Tensor | None = None

    def task_losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Returns the losses (T,)."""
        shared = self.trunk(x)
        targets = y.split(self.sizes, 1)
        return torch.stack(
            [
                loss(head(shared), target if target.shape[1] == 1 else target.argmax(1))
                for head, loss, target in zip(self.heads, self.losses, targets, strict=True)
            ]
        )

    def equal(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One step on the mean of the losses."""
        self.adam.zero_grad()
        self.task_losses(x, y).mean().backward()
        self.adam.step()

    def uncertainty(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One step with learned log-variances."""
        self.adam.zero_grad()
        self.extra_adam.zero_grad()
        losses = self.task_losses(x, y)
        ((-self.extra).exp() * losses + self.extra).mean().backward()
        self.adam.step()
        self.extra_adam.step()

    def gradnorm(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One step as published code takes it."""
        losses = self.task_losses(x, y)
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


def timed(step: Callable[[], object], seconds: float) -> float:
    """Returns the seconds of one call, as the mean over a slice of time."""
    step()
    begun, calls = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        step()
        calls += 1
    return (time.perf_counter() - begun) / calls


def races(seconds: float, rounds: int) -> Iterator[tuple[str, int, int, float, float]]:
    """Yields balancer, R, batch, and milliseconds a replicate-step of the usual way and of ours."""
    cohort = synthetic_cohort(465, seed=0)
    for name in ("equal", "uncertainty", "gradnorm"):
        for batch in (4, 32):
            for count in (1, 5, 15):
                stack = prepare(cohort, Replicates(folds=5, seeds=3)[:count])
                config = FitConfig(batch_size=batch, balancer=BALANCERS[name]())
                training = Training(config, stack)
                x, y = next(training._batches())  # noqa: SLF001 - one batch for both
                usual = UsualWay(stack, name)

                def ours(training: Training = training, x: object = x, y: object = y) -> None:
                    with torch.no_grad():
                        training._step(x, y, 1)  # type: ignore[arg-type]  # noqa: SLF001

                def theirs(usual: UsualWay = usual, x: object = x[0], y: object = y[0]) -> None:
                    usual.step(x, y)  # type: ignore[arg-type]

                training._epoch()  # noqa: SLF001 - the sums of an epoch exist from here on
                pairs = [(timed(theirs, seconds), timed(ours, seconds)) for _ in range(rounds)]
                slow, fast = (statistics.median(times) * 1e3 for times in zip(*pairs, strict=True))
                yield name, count, batch, slow, fast / count


def main() -> int:
    """Runs the races and prints them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=0.4, help="a measurement (default: 0.4)")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (default: 5)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()
    table = Table(title="Milliseconds a replicate-step, one thread")
    for title in ("balancer", "batch", "R", "one by one", "stacked", "ratio"):
        table.add_column(title, justify="left" if title == "balancer" else "right")
    for name, count, batch, slow, fast in races(options.seconds, options.rounds):
        row = (name, str(batch), str(count), f"{slow:.2f}", f"{fast:.3f}", f"{slow / fast:.0f}x")
        table.add_row(*row)
        console.print(f"{name}, batch {batch}, R = {count}: {slow / fast:.0f}x", style="dim")
    console.print(table)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        f"torch {torch.__version__}",
        style="dim",
    )
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))
