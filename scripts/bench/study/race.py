"""`python -m scripts.bench study`: compares a complete search with the same search by peers.

Ours is `hemomodel-search` with its defaults and W&B offline. The peers train the same networks on
the same replicates, epochs and space with the same early stopping, without logging to W&B. They
are slow and may run fewer trials. Therefore rates are compared, from the start of the first trial
to the end of the last. All run one after another on the same machine.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hemomodel.errors import InputError
from scripts.bench.resources import Usage, watch
from study.pipeline.preflight import checked_space
from study.settings.settings import load_settings

__all__ = ["LANES", "Outcome", "race_studies", "study_flags"]

LANES = {
    "ours": "ours",
    "tune": "Ray Tune",
    "tune-reuse": "Ray Tune, reuse_actors",
    "optuna": "Optuna, 2 processes",
}


@dataclass(frozen=True)
class Outcome:
    """What one competitor used.

    Attributes:
        usage: of its processes, with the moments `first` and `searched`.
        epochs: of each trial that ran.
        training: CPU seconds of training, over all trials.
        clocks: CPU seconds of the driver per phase, where they are measured.
        replicates: number of replicates per trial.
        full: epochs of a trial that is not stopped.
    """

    usage: Usage
    epochs: tuple[int, ...]
    training: float
    clocks: dict[str, float]
    replicates: int
    full: int

    @property
    def minutes(self) -> float:
        """Minutes from the start of the first trial to the end of the last."""
        moments = self.usage.moments
        return (moments["searched"].seconds - moments["first"].seconds) / 60

    @property
    def trials(self) -> float:
        """Trials per minute."""
        return len(self.epochs) / self.minutes

    @property
    def trainings(self) -> float:
        """Replicate-trainings per minute; an epoch counts as its share of a complete training."""
        return sum(self.epochs) * self.replicates / self.full / self.minutes

    def split(self) -> dict[str, float]:
        """Returns CPU seconds per trial: training, logging, engine, start-up.

        Logging is W&B's process, and W&B and tables in the driver. The engine is the rest between
        the first trial and the last: Ray, Optuna, reports and checkpoints of the workers.
        """
        first, searched = (self.usage.moments[name].cpu for name in ("first", "searched"))
        total, start = sum(searched.values()), sum(first.values())
        logging = searched["wandb"] - first["wandb"]
        logging += sum(self.clocks.get(name, 0.0) for name in ("W&B", "tables"))
        parts = {
            "training": self.training,
            "logging": logging,
            "engine": total - start - self.training - logging,
            "start-up": start,
        }
        return {name: seconds / len(self.epochs) for name, seconds in parts.items()}


def race_studies(options: argparse.Namespace, console: Console) -> dict[str, Outcome]:
    """Runs the competitors one after another and prints what they used.

    Raises:
        InputError: a competitor is unknown, or it failed.
    """
    lanes = options.lanes.split(",")
    for lane in lanes:
        if lane not in LANES:
            raise InputError(f"--lanes {lane}: choose from {', '.join(LANES)}")
    outcomes = {}
    for lane in lanes:
        console.print(f"{LANES[lane]} ...", style="dim")
        outcomes[lane] = _raced(lane, options)
    console.print(_table(outcomes))
    if "ours" in outcomes:
        _print_ours(outcomes["ours"], console)
    return outcomes


def study_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of this bench."""
    group = parser.add_argument_group("study")
    group.add_argument(
        "--lanes", default=",".join(LANES), metavar="A,B", help="run these programs (default: all)"
    )
    group.add_argument(
        "--trials", type=int, default=60, help="run this number of trials of ours (default: 60)"
    )
    group.add_argument(
        "--peer-trials", type=int, default=9, help="run this number of trials per peer (default: 9)"
    )
    group.add_argument(
        "--epochs", type=int, default=100, help="train a trial for these epochs (default: 100)"
    )
    group.add_argument(
        "--seeds", type=int, default=3, help="train this number of seeds on 5 folds (default: 3)"
    )
    group.add_argument(
        "--balancers",
        default="equal,uncertainty,gradnorm",
        help="search these balancers of equal, uncertainty and gradnorm (default: all three)",
    )


def _raced(lane: str, options: argparse.Namespace) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix="race-"))
    settings = {
        "trials": options.trials if lane == "ours" else options.peer_trials,
        "balancers": options.balancers.split(","),
        "seeds": options.seeds,
        "fit": {"epochs": options.epochs},
        "out": str(folder),
        "name": "race",
    }
    checked_space(load_settings(settings))  # refuses impossible settings before the bench
    config = folder / "settings.json"
    config.write_text(json.dumps(settings))
    program = [sys.executable, "-m", "scripts.bench.study"]
    if lane == "ours":
        program[-1] += ".ours"
        command = [*program, str(folder), "--config", str(config)]
    else:
        program[-1] += ".optuna_and_tune"
        command = [*program, lane, str(config), str(folder)]
    signs = {name: (folder / name).exists for name in ("first", "searched")}
    usage = watch(command, signs, folder / "log")
    if usage.code or len(usage.moments) < len(signs):
        raise InputError(f"{LANES[lane]} failed; its output is in {folder / 'log'}")
    trials = json.loads((folder / "trials.json").read_text())
    clocks = folder / "clocks.json"
    shutil.rmtree(folder / "race", ignore_errors=True)
    return Outcome(
        usage=usage,
        epochs=tuple(trial["epochs"] for trial in trials),
        training=sum(trial["cpu"] for trial in trials),
        clocks=json.loads(clocks.read_text()) if clocks.exists() else {},
        replicates=5 * options.seeds,
        full=options.epochs,
    )


def _table(outcomes: dict[str, Outcome]) -> Table:
    table = Table(title="A search, on the same machine")
    table.add_column("", no_wrap=True)
    for lane in outcomes:
        table.add_column(LANES[lane], justify="right")
    for name, cells in rows(outcomes).items():
        table.add_row(name, *cells)
    return table


def rows(lanes: dict[str, Outcome]) -> dict[str, list[str]]:
    """Returns the table: name of the measurement -> one cell per competitor."""
    outcomes, cores = list(lanes.values()), os.cpu_count() or 1
    best = lanes["ours"].trainings if "ours" in lanes else None

    def peak(kind: str) -> list[str]:
        return [f"{outcome.usage.peak[kind]:.0f}" for outcome in outcomes]

    table = {
        "trials": [str(len(outcome.epochs)) for outcome in outcomes],
        "first trial running, s": [
            f"{outcome.usage.moments['first'].seconds:.1f}" for outcome in outcomes
        ],
        "trials/min": [f"{outcome.trials:.1f}" for outcome in outcomes],
        "replicate-trainings/min": [f"{outcome.trainings:.0f}" for outcome in outcomes],
        "the same per core": [f"{outcome.trainings / cores:.0f}" for outcome in outcomes],
        "CPU seconds per trial": [f"{sum(outcome.split().values()):.2f}" for outcome in outcomes],
        **{
            f"  {part}": [f"{outcome.split()[part]:.2f}" for outcome in outcomes]
            for part in ("training", "logging", "engine", "start-up")
        },
        "peak memory of the driver, MiB": peak("driver"),
        "peak memory of a worker, MiB": peak("worker"),
    }
    if best:
        table["ours / peer"] = [f"{best / outcome.trainings:.1f}x" for outcome in outcomes]
    return table


def _print_ours(ours: Outcome, console: Console) -> None:
    parts, moments = ours.split(), ours.usage.moments
    whole = parts["training"] + parts["logging"] + parts["engine"]
    share = (parts["logging"] + parts["engine"]) / whole
    console.print(
        f"ours: search ended after {moments['searched'].seconds:.0f} s, verdict after "
        f"{ours.usage.seconds:.0f} s; engine and logging are {share:.0%} of the search's CPU time"
    )
    driven = moments["searched"].cpu["driver"] - moments["first"].cpu["driver"]
    clocks = {"all": driven, **ours.clocks}
    driver = ", ".join(f"{name} {1e3 * s / len(ours.epochs):.0f}" for name, s in clocks.items())
    console.print(f"CPU milliseconds per trial in the driver: {driver}")
