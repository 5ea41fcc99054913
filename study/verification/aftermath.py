"""Checks that a study that failed and was resumed has lost nothing."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from study.verification.interruptions import InterruptedStudy

__all__ = ["Aftermath", "comparable_trials", "examine", "wandb_runs"]

_KEYS = {
    "scores": ["trial", "metric", "task", "replicate"],
    "history": ["trial", "epoch", "task", "metric"],
    "trial_cosines": ["trial", "epoch", "task", "other"],
}


@dataclass
class Aftermath:
    """The state of a study that was resumed. Each count must be zero and each list empty.

    Attributes:
        lost: trials that are missing.
        doubled: trials that appear more than once.
        unequal: by how many trials the arms differ.
        running: trials that Optuna still counts as running.
        wandb: W&B runs that are missing, duplicated, without an end or without all epochs.
        gaps: trials with an epoch missing from their history.
        same: whether tables and comparison equal those of the undisturbed study, bit for bit.
        processes: command lines of the study's processes that still run.
    """

    lost: int
    doubled: int
    unequal: int
    running: int
    wandb: int
    gaps: int
    same: bool
    processes: list[str]

    @property
    def good(self) -> bool:
        """Whether all counts are zero, no process runs, and the tables are equal."""
        counts = (self.lost, self.doubled, self.unequal, self.running)
        return not any((*counts, self.wandb, self.gaps, self.processes)) and self.same


def comparable_trials(folder: Path) -> pd.DataFrame:
    """Returns the trials without the columns that depend on time."""
    trials = pd.read_parquet(folder / "trials.parquet")
    return trials.drop(columns=["seconds", "step_seconds", "wandb_id"])


def examine(study: InterruptedStudy, undisturbed: Path) -> Aftermath:
    """Compares a study that failed, was resumed and ended with an undisturbed study.

    Args:
        study: the study that failed.
        undisturbed: folder of the undisturbed study, with the same settings.
    """
    folder = study.folder
    trials = pd.read_parquet(folder / "trials.parquet")
    numbers = trials["number"].tolist()
    sizes = trials.groupby("arm").size()
    storage = JournalStorage(JournalFileBackend(str(study.journal)))
    arms = [optuna.load_study(study_name=name, storage=storage)
            for name in optuna.get_all_study_names(storage)]  # fmt: skip
    running = sum(not trial.state.is_finished() for arm in arms for trial in arm.trials)
    return Aftermath(
        lost=len(set(range(study.trials)) - set(numbers)),
        doubled=len(numbers) - len(set(numbers)),
        unequal=int(sizes.max() - sizes.min()),
        running=running,
        wandb=_wandb_faults(folder, trials),
        gaps=_gaps(folder, trials),
        same=_same(folder, undisturbed),
        processes=_remaining(study),
    )


def _wandb_faults(folder: Path, trials: pd.DataFrame) -> int:
    """Counts runs that are missing, duplicated, without an end, or without all their epochs."""
    logs = [log.stem.removeprefix("run-") for log in folder.glob("wandb/offline-run-*/*.wandb")]
    wanted = {*trials["wandb_id"], f"{folder.name}-study"}
    faults = len(logs) - len(set(logs)) + len(wanted ^ set(logs))
    runs = wandb_runs(folder)
    epochs = trials.set_index("wandb_id")["epochs"].to_dict()
    for name, records in runs.items():
        kinds = [record["type"] for record in records]
        whole = kinds.count("exit") == 1
        faults += not (whole and kinds.count("history") == epochs.get(name, 1))
    return faults


def _gaps(folder: Path, trials: pd.DataFrame) -> int:
    history = pd.read_parquet(folder / "history.parquet")
    epochs = history.groupby("trial")["epoch"].unique().to_dict()
    reported = trials.dropna(subset=["epochs"])
    return sum(
        sorted(epochs.get(number, ())) != list(range(1, int(last) + 1))
        for number, last in zip(reported["number"], reported["epochs"], strict=True)
    )


def _same(folder: Path, undisturbed: Path) -> bool:
    """Returns whether all tables and the comparison are equal bit for bit."""
    tables = [comparable_trials(folder).equals(comparable_trials(undisturbed))]
    for name, keys in _KEYS.items():
        pair = [pd.read_parquet(f / f"{name}.parquet") for f in (folder, undisturbed)]
        first, second = (table.sort_values(keys, ignore_index=True) for table in pair)
        tables.append(first.equals(second))
    return all(tables) and _comparison(folder) == _comparison(undisturbed)


def _comparison(folder: Path) -> dict[str, Any]:
    """Returns a study's comparison without the fields that depend on time."""
    comparison: dict[str, Any] = json.loads((folder / "comparison.json").read_text())
    for arm in comparison["arms"]:
        del arm["seconds_per_trial"], arm["seconds_per_step"]
    return comparison


def _remaining(study: InterruptedStudy) -> list[str]:
    """Waits up to 90 seconds; returns the study's processes that still run.

    Ray's agents end by themselves about 60 seconds after their driver was killed.
    """
    end = time.monotonic() + 90
    while study.remaining() and time.monotonic() < end:
        time.sleep(0.2)
    return study.remaining()


def wandb_runs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Returns each offline run's records, by run id."""
    runs: dict[str, list[dict[str, Any]]] = {}
    wandb = str(Path(sys.executable).with_name("wandb"))
    for file in sorted((folder / "wandb").glob("offline-run-*/*.wandb")):
        shown = subprocess.run(  # noqa: S603 - W&B's own program
            [wandb, "leet", "inspect", "--json", str(file)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "WANDB_ERROR_REPORTING": "false"},
        )
        runs.setdefault(file.stem.removeprefix("run-"), []).extend(
            json.loads(line) for line in shown.stdout.splitlines()
        )
    return runs
