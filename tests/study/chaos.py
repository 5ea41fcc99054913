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
_STATE, _PARENT, _START = 0, 1, 19  # of /proc/PID/stat, after the name


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
        seen: processes that belonged to it, (id, start) -> command line.
    """

    out: Path
    name: str
    trials: int
    kills: int = 0
    codes: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seen: dict[tuple[int, str], str] = field(default_factory=dict)

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
                    stat = _stat(int(entry.name))
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
                parents[int(entry.name)] = (int(stat[_PARENT]), stat[_START], line)
        found, below = {}, {process.pid}
        while below:
            below = {pid for pid, (parent, *_) in parents.items() if parent in below}
            found |= {pid: parents[pid][2] for pid in below}
        self.seen |= {(pid, parents[pid][1]): line for pid, line in found.items()}
        return found


def left(victim: Victim) -> list[str]:
    """Returns the command lines of a study's processes that are still there."""
    return [line for (pid, start), line in victim.seen.items() if _alive(pid, start)]


def _alive(pid: int, start: str) -> bool:
    """Tells a live process from a zombie, and from another one that got its id since."""
    try:
        stat = _stat(pid)
    except OSError:
        return False
    return stat[_STATE] != "Z" and stat[_START] == start


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


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
