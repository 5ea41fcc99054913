"""Kills of real studies at random moments."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.support.processes import alive, below, kill
from tests.support.studies import script

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

    At the end of its `with` nothing of it runs any more, whatever failed on the way.

    Attributes:
        out: folder of the studies.
        name: of this one.
        trials: configurations.
        kills: how often something was killed so far.
        codes: how each process ended.
        seen: processes that belonged to it, (id, start) -> command line.
        at_end: what is to be undone when it is over.
    """

    out: Path
    name: str
    trials: int
    kills: int = 0
    codes: list[int] = field(default_factory=list)
    seen: dict[tuple[int, str], str] = field(default_factory=dict)
    at_end: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kills what is left, and then undoes the rest, for which nothing may run."""
        with self.at_end:
            kill(pid for pid, start in self.seen if alive(pid, start))

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
            process = subprocess.Popen(command, stdout=log, stderr=log, text=True, process_group=0)
        self.at_end.callback(self._kill, process)
        return process

    def _kill(self, process: "subprocess.Popen[str]") -> None:
        """Kills a process that still runs, and its family with it."""
        if process.poll() is None:
            family = self.family(process)
            process.kill()
            process.wait()
            kill(family)

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
        found = below(process.pid)
        self.seen |= {(pid, start): line for pid, (start, line) in found.items()}
        return {pid: line for pid, (_, line) in found.items()}


def left(victim: Victim) -> list[str]:
    """Returns the command lines of a study's processes that are still there."""
    return [line for (pid, start), line in victim.seen.items() if alive(pid, start)]


def send(number: int, *, group: bool = False, starting: float = 0.0) -> Callable[..., bool]:
    """Returns a killer: it sends a signal at a random moment, and says whether it could.

    Args:
        number: of the signal.
        group: to all of the process group, as Ctrl-C does; else to the driver.
        starting: how often the moment is one of the study's start, and not after it.
    """

    def killer(
        victim: Victim, process: "subprocess.Popen[str]", luck: random.Random, longest: float = 5
    ) -> bool:
        if luck.random() >= starting and not victim.until_searching(process):
            return False
        time.sleep(luck.uniform(0.1, longest))
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
