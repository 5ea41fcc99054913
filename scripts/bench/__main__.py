"""Compares the time of the stacked step, and of complete searches, with that of other programs.

`steps`: the stacked step compared with one replicate at a time in the usual way, as in the
original: torch.nn layers, a loop over the tasks, torch.optim.Adam, and for GradNorm one autograd
pass per task with create_graph.
`balancers`: every balancer compared with `equal`, with task gradients at the last shared layer and
over the entire trunk, and with TorchJD if it has the method (over the trunk, one replicate at a
time).
In these two, all programs use the same network, batches, losses and optimizer. The programs are
timed in turn, in several rounds; compare the medians only within one run of this command.
`stack`: the cost of a step as the stack grows; see stack.py.
`study`: a complete search compared with Ray Tune and Optuna in the usual way; see study/race.py.
"""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import torch
from rich.console import Console
from rich.table import Table

from hemomodel import FitConfig, Replicates, synthetic_cohort
from hemomodel.balancers._base import BALANCERS
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.stack import Stack
from hemomodel.errors import InputError, did_you_mean
from hemomodel.training.device_data import DeviceStack
from hemomodel.training.loop import Training
from scripts.bench.peers import AGGREGATORS, SCALARIZERS, TorchJD
from scripts.bench.plain_loop import PlainLoop
from scripts.bench.stack import race_stacks
from scripts.bench.study.race import race_studies, study_flags
from study.cli import Parser, command_parser, run_cli

Step = Callable[[], object]


def timed(step: Callable[[], object], seconds: float) -> float:
    """Returns the mean seconds of one call, over calls that take `seconds` in total."""
    step()
    begun, calls = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        step()
        calls += 1
    return (time.perf_counter() - begun) / calls


def medians(steps: dict[str, Step], seconds: float, rounds: int) -> dict[str, float]:
    """Returns the median milliseconds of each step over alternating rounds."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(timed(step, seconds) * 1e3)
    return {name: statistics.median(rounds_ms) for name, rounds_ms in times.items()}


def ours(stack: Stack, config: FitConfig) -> Step:
    """Returns the stacked step."""
    return Training(config, stack).profile_step()


def theirs(peer: PlainLoop | TorchJD, stack: Stack, rows: int) -> Step:
    """Returns a peer's step on training rows of the first replicate."""
    data = DeviceStack(stack[:1], "cpu")
    x, y, _ = data.gather(data.train_rows[:, :rows])
    return lambda: peer.step(x[0], y[0])


def race_steps(seconds: float, rounds: int, console: Console) -> None:
    """Prints milliseconds per replicate-step of the plain loop and of the stacked step."""
    table = columns(
        "Milliseconds per replicate-step, one thread", "batch", "R", "one by one", "stacked"
    )
    table.add_column("ratio", justify="right")
    cohort = synthetic_cohort(465, seed=0)
    for name in ("equal", "uncertainty", "gradnorm"):
        for rows in (4, 32):
            for count in (1, 5, 15):
                stack = prepare(cohort, Replicates(folds=5, seeds=3)[:count])
                config = FitConfig(batch_size=rows, balancer=BALANCERS[name]())
                peers = {
                    "slow": theirs(PlainLoop(stack, name), stack, rows),
                    "fast": ours(stack, config),
                }
                milliseconds = medians(peers, seconds, rounds)
                slow, fast = milliseconds["slow"], milliseconds["fast"] / count
                figures = (f"{slow:.2f}", f"{fast:.3f}", f"{slow / fast:.0f}x")
                table.add_row(name, str(rows), str(count), *figures)
                console.print(f"{name}, batch {rows}, R = {count}: {figures[-1]}", style="dim")
    console.print(table)


def race_balancers(names: list[str], seconds: float, rounds: int, console: Console) -> None:
    """Prints each balancer's cost relative to `equal`, and TorchJD's, at R = 15 and batch 32."""
    count, rows = 15, 32
    stack = prepare(synthetic_cohort(465, seed=0), Replicates(folds=5, seeds=3))
    table = columns(
        f"Microseconds per replicate-step, one thread, R = {count}, batch {rows}",
        *("last layer", "x equal", "trunk", "x equal", "TorchJD, one by one", "ratio to trunk"),
    )
    for name in names:
        steps = {}
        for label, balancer in {"equal": "equal", "this": name}.items():
            for gradients in ("last", "trunk"):
                config = FitConfig(
                    batch_size=rows, balancer=BALANCERS[balancer](), gradients=gradients
                )
                steps[f"{label} {gradients}"] = ours(stack, config)
        if name in {*AGGREGATORS, *SCALARIZERS}:
            steps["peer"] = theirs(TorchJD(stack, name), stack, rows)
        times = medians(steps, seconds, rounds)
        table.add_row(name, *relative(times, count))
        console.print(
            f"{name}: {times['this last'] / times['equal last']:.2f} x equal", style="dim"
        )
    console.print(table)


def relative(times: dict[str, float], count: int) -> Iterator[str]:
    """Yields the cells of a row: microseconds per replicate-step, and ratios."""
    for gradients in ("last", "trunk"):
        step = times[f"this {gradients}"]
        yield f"{step / count * 1e3:.0f}"
        yield f"{step / times[f'equal {gradients}']:.2f}x"
    if "peer" in times:
        yield f"{times['peer'] * 1e3:.0f}"
        yield f"{times['peer'] / times['this trunk'] * count:.0f}x"
    else:
        yield from ("-", "-")


def columns(title: str, *titles: str) -> Table:
    """Returns a table with a column of balancers and columns of figures."""
    table = Table(title=title)
    table.add_column("balancer", no_wrap=True)
    for name in titles:
        table.add_column(name, justify="right")
    return table


def arguments() -> Parser:
    """Returns the command line."""
    parser = command_parser("python -m scripts.bench", __doc__)
    parser.add_argument(
        "race",
        nargs="?",
        choices=["steps", "balancers", "stack", "study", "all"],
        default="all",
        help="run this bench; all: steps and balancers (default: all)",
    )
    parser.add_argument(
        "--only", metavar="A,B", help="run only these balancers, such as mgda,upgrad"
    )
    parser.add_argument(
        "--seconds", type=float, default=0.4, help="measure for this time (default: 0.4)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="run this number of alternating rounds (default: 5)"
    )
    study_flags(parser)
    return parser


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_bench)


def _bench() -> int:
    """Runs the benches and prints their tables."""
    options = arguments().parse_args()
    if not 0 < options.seconds < float("inf") or options.rounds < 1:
        raise InputError(
            f"--seconds {options.seconds} --rounds {options.rounds}: give positive numbers"
        )
    torch.set_num_threads(1)
    console = Console()
    if options.race == "stack":
        race_stacks(options.seconds, options.rounds, console)
    if options.race == "study":
        race_studies(options, console)
    if options.race in {"steps", "all"}:
        race_steps(options.seconds, options.rounds, console)
    if options.race in {"balancers", "all"}:
        names = options.only.split(",") if options.only else list(BALANCERS)
        for name in names:
            if name not in BALANCERS:
                raise InputError(f"{name!r} is not a balancer; {did_you_mean(name, BALANCERS)}")
        race_balancers(names, options.seconds, options.rounds, console)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        f"torch {torch.__version__}",
        style="dim",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
