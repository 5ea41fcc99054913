"""`python -m scripts.bench study`: a whole search raced against the same search the usual way.

Ours is `hemomodel-search` with its defaults and W&B offline. The peers train the same networks on
the same replicates, epochs and space with the same early stopping, without any logging to W&B.
They are slow, so they may run fewer trials: rates are compared, between the first trial and the
last. All run one after the other on the same machine.
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
    """What one competitor took.

    Attributes:
        usage: of its processes; it has the moments `first` and `searched`.
        epochs: of each trial that ran.
        training: CPU seconds of training, over all trials.
        clocks: CPU seconds of the driver by phase, as far as they are known.
        replicates: in a trial.
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
        """From the first trial running to the last one ended."""
        moments = self.usage.moments
        return (moments["searched"].seconds - moments["first"].seconds) / 60

    @property
    def trials(self) -> float:
        """Trials a minute."""
        return len(self.epochs) / self.minutes

    @property
    def trainings(self) -> float:
        """Replicate-trainings a minute, an epoch counted as its share of a whole training."""
        return sum(self.epochs) * self.replicates / self.full / self.minutes

    def split(self) -> dict[str, float]:
        """Returns CPU seconds a trial of the search: training, logging, engine, start-up.

        Logging is W&B's process and, in the driver, W&B and tables. The engine is the rest between
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
    """Runs the competitors one after the other and prints what they took.

    Raises:
        InputError: an unknown competitor was asked for.
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
    """Adds the flags of the race."""
    group = parser.add_argument_group("study")
    group.add_argument("--lanes", default=",".join(LANES), metavar="A,B", help="default: all")
    group.add_argument("--trials", type=int, default=60, help="of ours (default: 60)")
    group.add_argument("--peer-trials", type=int, default=9, help="of a peer (default: 9)")
    group.add_argument("--epochs", type=int, default=100, help="of a trial (default: 100)")
    group.add_argument("--seeds", type=int, default=3, help="on 5 folds (default: 3)")
    group.add_argument(
        "--balancers",
        default="equal,uncertainty,gradnorm",
        help="that the peers have too (default: all three)",
    )


def _raced(lane: str, options: argparse.Namespace) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix="race-"))
    settings = {
        "trials": options.trials if lane == "ours" else options.peer_trials,
        "balancers": options.balancers.split(","),
        "seeds": options.seeds,
        "fit": {"epochs": options.epochs, "optimizer": "adamw"},
        "out": str(folder),
        "name": "race",
    }
    checked_space(load_settings(settings))  # what makes no sense is said before the race
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
    """Returns the table: what was measured -> a cell for each competitor."""
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
        "the same a core": [f"{outcome.trainings / cores:.0f}" for outcome in outcomes],
        "CPU seconds a trial": [f"{sum(outcome.split().values()):.2f}" for outcome in outcomes],
        **{
            f"  {part}": [f"{outcome.split()[part]:.2f}" for outcome in outcomes]
            for part in ("training", "logging", "engine", "start-up")
        },
        "peak memory of the driver, MiB": peak("driver"),
        "peak memory of a worker, MiB": peak("worker"),
    }
    if best:
        table["ours is"] = [f"{best / outcome.trainings:.1f}x" for outcome in outcomes]
    return table


def _print_ours(ours: Outcome, console: Console) -> None:
    parts, moments = ours.split(), ours.usage.moments
    whole = parts["training"] + parts["logging"] + parts["engine"]
    share = (parts["logging"] + parts["engine"]) / whole
    console.print(
        f"ours: searched after {moments['searched'].seconds:.0f} s, verdict after "
        f"{ours.usage.seconds:.0f} s; engine and logging are {share:.0%} of the search's CPU time"
    )
    driven = moments["searched"].cpu["driver"] - moments["first"].cpu["driver"]
    clocks = {"all": driven, **ours.clocks}
    driver = ", ".join(f"{name} {1e3 * s / len(ours.epochs):.0f}" for name, s in clocks.items())
    console.print(f"of the driver, CPU milliseconds a trial: {driver}")
