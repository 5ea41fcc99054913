"""Kills of real studies at random moments."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.study.studies import script

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
        with (self.out / f"{self.name}.log").open("a") as log:
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
