"""What must be true of a study that was killed and taken up again."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pandas as pd

from tests.support.chaos import Victim, left
from tests.support.studies import wandb_runs

_KEYS = {
    "scores": ["trial", "metric", "task", "replicate"],
    "history": ["trial", "epoch", "task", "metric"],
    "trial_cosines": ["trial", "epoch", "task", "other"],
}


@dataclass
class Findings:
    """What a study that was taken up is found to be; each must be zero, empty or true."""

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
        """Whether nothing is wrong."""
        counts = (self.lost, self.doubled, self.unequal, self.running)
        return not any((*counts, self.wandb, self.gaps, self.processes)) and self.same


def comparable(folder: Path) -> pd.DataFrame:
    """Returns the trials without what time has to do with."""
    trials = pd.read_parquet(folder / "trials.parquet")
    return trials.drop(columns=["seconds", "step_seconds", "wandb_id"])


def look(victim: Victim, undisturbed: Path) -> Findings:
    """Checks a study that has ended against one that nothing happened to."""
    folder = victim.folder
    trials = pd.read_parquet(folder / "trials.parquet")
    numbers = trials["number"].tolist()
    sizes = trials.groupby("arm").size()
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(victim.journal))
    )
    studies = [optuna.load_study(study_name=n, storage=storage)
               for n in optuna.get_all_study_names(storage)]  # fmt: skip
    running = sum(not trial.state.is_finished() for study in studies for trial in study.trials)
    return Findings(
        lost=len(set(range(victim.trials)) - set(numbers)),
        doubled=len(numbers) - len(set(numbers)),
        unequal=int(sizes.max() - sizes.min()),
        running=running,
        wandb=_wandb_faults(folder, trials),
        gaps=_gaps(folder, trials),
        same=_same(folder, undisturbed),
        processes=_left(victim),
    )


def _wandb_faults(folder: Path, trials: pd.DataFrame) -> int:
    """Counts runs that are missing, doubled, without an end, or without all their epochs."""
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
    epochs = {number: sorted(own["epoch"].unique()) for number, own in history.groupby("trial")}
    told = trials.dropna(subset=["epochs"]).set_index("number")["epochs"]
    return sum(epochs.get(number) != list(range(1, last + 1)) for number, last in told.items())


def _same(folder: Path, undisturbed: Path) -> bool:
    """Whether all tables, their means and spreads, and the comparison are equal bit for bit."""
    tables = [comparable(folder).equals(comparable(undisturbed))]
    for name, keys in _KEYS.items():
        pair = [pd.read_parquet(f / f"{name}.parquet") for f in (folder, undisturbed)]
        mine, theirs = (table.sort_values(keys, ignore_index=True) for table in pair)
        tables.append(mine.equals(theirs))
    return all(tables) and _comparison(folder) == _comparison(undisturbed)


def _comparison(folder: Path) -> dict[str, Any]:
    """Returns a study's comparison without what time has to do with."""
    found: dict[str, Any] = json.loads((folder / "comparison.json").read_text())
    for arm in found["arms"]:
        del arm["seconds_per_trial"], arm["seconds_per_step"]
    return found


def _left(victim: Victim) -> list[str]:
    """Returns the study's processes that are still there, after some time to go."""
    for _ in range(100):
        if not left(victim):
            break
        time.sleep(0.2)
    return left(victim)
