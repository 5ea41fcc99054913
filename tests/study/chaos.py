"""Kills of real studies, and what must be true of a study that was taken up after them."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import optuna
import pandas as pd

from tests.study.studies import script, wandb_runs

SETTINGS = [
    *("--set", "fit.epochs=40", "--set", "fit.batch_size=16", "--set", "report_every=5"),
    *("--set", "early_stopping={grace: 10, factor: 2}", "--set", "startup_trials=3"),
    *("--set", "folds=2", "--set", "seeds=2", "--set", "confirm_seeds=2", "--set", "finalists=1"),
    *("--balancers", "equal,gradnorm", "--max-concurrent", "1"),
]
_WAIT = 300


@dataclass
class Victim:
    """A study that is started and killed again and again.

    Attributes:
        out: folder of the studies.
        name: of this one.
        trials: configurations.
        kills: how often something was killed so far.
        codes: how each process ended.
        said: what each process printed.
        seen: process ids that belonged to it.
    """

    out: Path
    name: str
    trials: int
    kills: int = 0
    codes: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        """The study's."""
        return self.out / self.name

    @property
    def journal(self) -> Path:
        """Of Optuna."""
        return self.folder / "study.journal"

    def start(self) -> "subprocess.Popen[str]":
        """Starts the study's command, in a process group of its own as a shell does."""
        command = script(
            "search.py", *SETTINGS, "--trials", self.trials, "--name", self.name, "--out", self.out
        )
        log = (self.out / f"{self.name}.log").open("a")
        return subprocess.Popen(command, stdout=log, stderr=log, text=True, process_group=0)

    def ended(self, process: "subprocess.Popen[str]") -> int:
        """Waits for a process, and keeps how it ended."""
        self.codes.append(process.wait(timeout=_WAIT))
        return self.codes[-1]

    def until_searching(self, process: "subprocess.Popen[str]", reports: int = 1) -> bool:
        """Waits until the search has written so much to the journal; False if it ended before."""
        before = self._size()
        deadline = time.monotonic() + _WAIT
        while self._size() < before + 200 * reports:
            if process.poll() is not None:
                return False
            assert time.monotonic() < deadline, f"{self.name} does not get on"
            time.sleep(0.05)
        return True

    def _size(self) -> int:
        return self.journal.stat().st_size if self.journal.exists() else 0

    def family(self, process: "subprocess.Popen[str]") -> dict[int, str]:
        """Returns the live processes below the driver, id -> command line."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    stat = (entry / "stat").read_text()
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
                parents[int(entry.name)] = (int(stat.rpartition(")")[2].split()[1]), line)
        found, below = {}, {process.pid}
        while below:
            below = {pid for pid, (parent, _) in parents.items() if parent in below}
            found |= {pid: parents[pid][1] for pid in below}
        self.seen |= set(found)
        return found


def kill_driver(victim: Victim, process: "subprocess.Popen[str]", luck: random.Random) -> bool:
    """Kills the driver at a random moment: of its start, of the search or of its end."""
    if luck.random() < 0.75 and not victim.until_searching(process):
        return False
    time.sleep(luck.uniform(0.1, 5))
    victim.family(process)
    if process.poll() is not None:
        return False
    process.kill()
    return True


def send(number: int, *, group: bool) -> Callable[..., bool]:
    """Returns a killer that sends a signal: to the group as Ctrl-C does, or to the driver."""

    def killer(victim: Victim, process: "subprocess.Popen[str]", luck: random.Random) -> bool:
        if not victim.until_searching(process):
            return False
        time.sleep(luck.uniform(0.1, 4))
        victim.family(process)
        if process.poll() is not None:
            return False
        if group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        return True

    return killer


def kill_family(
    victim: Victim, process: "subprocess.Popen[str]", word: str, luck: random.Random, kills: int
) -> None:
    """Kills children of one kind while the study runs, so many times or until it ends."""
    last = 0
    while victim.kills < kills and victim.until_searching(process):
        time.sleep(luck.uniform(0.05, 0.8))
        found = [pid for pid, line in victim.family(process).items() if word in line]
        if found and found[0] != last:
            last = luck.choice(found)
            os.kill(last, signal.SIGKILL)
            victim.kills += 1


def tear_journal(victim: Victim) -> None:
    """Leaves half a line at the journal's end, as a killed writer or a full disk does."""
    with victim.journal.open("ab") as file:
        file.write(b'{"op_code":6,"worker_id":"a","trial_')


@dataclass
class Findings:
    """What a study that was taken up is found to be; each must be zero or true."""

    lost: int
    doubled: int
    unequal: int
    running: int
    wandb: int
    gaps: int
    same: bool
    processes: int

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
    mine, theirs = comparable(folder), comparable(undisturbed)
    tables = [mine.equals(theirs)]
    for name in ("scores", "history", "trial_cosines"):
        pair = [pd.read_parquet(f / f"{name}.parquet") for f in (folder, undisturbed)]
        tables.append(len(pair[0]) == len(pair[1]))
        column = {"scores": "value", "history": "mean", "trial_cosines": "cosine"}[name]
        keys = [c for c in pair[0].columns if c not in {"value", "mean", "std", "cosine"}]
        pair = [table.sort_values(keys)[column].to_numpy() for table in pair]
        tables.append(np.array_equal(*pair, equal_nan=True))
    best = [
        [arm["finalists"][0]["trial"] for arm in
         json.loads((f / "comparison.json").read_text())["arms"]]
        for f in (folder, undisturbed)
    ]  # fmt: skip
    return all(tables) and best[0] == best[1]


def _left(victim: Victim) -> int:
    """Counts processes of the study that are still there, after some time to go."""
    for _ in range(100):
        left = [pid for pid in victim.seen if _alive(pid)]
        if not left:
            break
        time.sleep(0.2)
    return len(left)


def _alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
