"""`python -m scripts.bench stack`: the cost of a step as the stack grows, on one or all threads.

Configurations of equal shape could be stacked like replicates. This bench shows the possible gain.
"""

import os
import time
from dataclasses import replace

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hemomodel import FitConfig, Replicates, synthetic_cohort
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.stack import Stack
from hemomodel.training.loop import Training

__all__ = ["grown", "race_stacks"]

SIZES = (1, 15, 60, 240, 1000, 4000)
BATCHES = (8, 32)


def grown(stack: Stack, count: int) -> Stack:
    """Returns a stack of `count` replicates, by repeating those of a stack."""
    times = np.arange(count) % len(stack.pairs)
    leading = (
        *("features", "offset", "spread", "trivial"),
        *("train_rows", "train_counts", "score_rows", "score_counts"),
    )
    return replace(
        stack,
        pairs=tuple(stack.pairs[r] for r in times),
        preprocessors=(),
        **{name: getattr(stack, name)[times] for name in leading},
    )


def race_stacks(seconds: float, rounds: int, console: Console) -> None:
    """Prints replicate-steps per second, the best of several rounds."""
    base = prepare(synthetic_cohort(465, seed=0), Replicates(folds=5, seeds=3))
    threads = sorted({1, os.cpu_count() or 1})
    table = Table(title="Replicate-steps per second, balancer equal")
    for title in ("batch", "R", *(f"{n} thread{'s' if n > 1 else ''}" for n in threads)):
        table.add_column(title, justify="right")
    for rows in BATCHES:
        for count in SIZES:
            stack = grown(base, count)
            rates = [_rate(stack, rows, n, seconds, rounds) for n in threads]
            table.add_row(str(rows), str(count), *(f"{rate:,.0f}" for rate in rates))
    torch.set_num_threads(1)
    console.print(table)


def _rate(stack: Stack, rows: int, threads: int, seconds: float, rounds: int) -> float:
    """Returns replicate-steps per second; per second of CPU time if there is one thread.

    CPU time does not depend on other programs that run on the machine.
    """
    torch.set_num_threads(threads)
    clock = time.thread_time if threads == 1 else time.perf_counter
    step = Training(FitConfig(batch_size=rows), stack).profile_step()
    best = 0.0
    for _ in range(rounds):
        begun, calls = clock(), 0
        while not calls or clock() - begun < seconds:
            step()
            calls += 1
        best = max(best, calls * len(stack.pairs) / (clock() - begun))
    return best
