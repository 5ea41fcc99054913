"""Interrupts real studies at random moments and resumes them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from study.verification.processes import children_of, is_alive, kill

__all__ = [
    "InterruptedStudy",
    "Interruption",
    "kill_children",
    "leave_half_line",
    "search_command",
    "send_signal",
]

SETTINGS = [
    *("--set", "fit.epochs=40", "--set", "fit.batch_size=16", "--set", "report_every=5"),
    *("--set", "early_stopping={grace: 10, factor: 2}", "--set", "startup_trials=3"),
    *("--set", "folds=2", "--set", "seeds=2", "--set", "confirm_seeds=2", "--set", "finalists=1"),
    *("--balancers", "equal,gradnorm", "--max-concurrent", "1"),
]
_PATIENCE = 300.0  # seconds
_REPORT = 200  # bytes by which a report lengthens the journal, at least

Interruption = Callable[["InterruptedStudy", "subprocess.Popen[str]", random.Random], bool]


@dataclass
class InterruptedStudy:
    """A study that is started and interrupted again and again.

    After its `with` block none of its processes runs, even after an error.

    Attributes:
        out: folder of the studies.
        name: the study's name.
        trials: number of configurations.
        interruptions: number of interruptions so far.
        exit_codes: of each process of the search command.
        seen: processes that belonged to it, (id, start) -> command line.
        cleanup: actions to run at the end.
    """

    out: Path
    name: str
    trials: int
    interruptions: int = 0
    exit_codes: list[int] = field(default_factory=list)
    seen: dict[tuple[int, str], str] = field(default_factory=dict)
    cleanup: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Returns the study; starts nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kills the remaining processes, then runs the cleanup."""
        with self.cleanup:
            kill(pid for pid, start in self.seen if is_alive(pid, start))

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return self.out / self.name

    @property
    def journal(self) -> Path:
        """The journal of Optuna."""
        return self.folder / "study.journal"

    def start(self) -> "subprocess.Popen[str]":
        """Starts the study's command in a separate process group, as a shell does."""
        command = search_command(
            *SETTINGS, "--trials", self.trials, "--name", self.name, "--out", self.out
        )
        with (self.out / f"{self.name}.log").open("a") as log:
            process = subprocess.Popen(  # noqa: S603 - the command of this project
                command, stdout=log, stderr=log, text=True, process_group=0
            )
        self.cleanup.callback(self._kill, process)
        return process

    def _kill(self, process: "subprocess.Popen[str]") -> None:
        """Kills a process that still runs, and its children."""
        if process.poll() is None:
            children = self.children(process)
            process.kill()
            process.wait()
            kill(children)

    def wait(self, process: "subprocess.Popen[str]") -> int:
        """Waits until a process ends; records and returns its exit code."""
        self.exit_codes.append(process.wait(timeout=_PATIENCE))
        return self.exit_codes[-1]

    def wait_for_search(self, process: "subprocess.Popen[str]") -> bool:
        """Waits until the search writes to the journal; returns False if it ends before that.

        Raises:
            TimeoutError: it writes nothing for 300 seconds.
        """
        before = self._journal_size()
        deadline = time.monotonic() + _PATIENCE
        while self._journal_size() < before + _REPORT:
            if process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} makes no progress; see {self.folder}.log")
            time.sleep(0.05)
        return True

    def _journal_size(self) -> int:
        return self.journal.stat().st_size if self.journal.exists() else 0

    def children(self, process: "subprocess.Popen[str]") -> dict[int, str]:
        """Returns the live processes below the driver, id -> command line."""
        children = children_of(process.pid)
        self.seen |= {(pid, start): line for pid, (start, line) in children.items()}
        return {pid: line for pid, (_, line) in children.items()}

    def remaining(self) -> list[str]:
        """Returns the command lines of the study's processes that still run."""
        return [line for (pid, start), line in self.seen.items() if is_alive(pid, start)]


def search_command(*arguments: object) -> list[str]:
    """Returns the command that runs a search in a separate process."""
    return [sys.executable, "-m", "study.pipeline.commands.search", *map(str, arguments)]


def send_signal(
    number: int, *, group: bool = False, starting: float = 0.0, longest: float = 5
) -> Interruption:
    """Returns an interruption: it sends a signal at a random moment, and returns if it could.

    Args:
        number: the number of the signal.
        group: send it to the entire process group, as Ctrl-C does; otherwise to the driver.
        starting: the share of moments that are during the study's start, not after it.
        longest: the most seconds to wait before the signal.
    """

    def interrupt(
        study: InterruptedStudy, process: "subprocess.Popen[str]", moments: random.Random
    ) -> bool:
        if moments.random() >= starting and not study.wait_for_search(process):
            return False
        time.sleep(moments.uniform(0.1, longest))
        study.children(process)
        if process.poll() is not None:
            return False
        if group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        return True

    return interrupt


def kill_children(
    study: InterruptedStudy,
    process: "subprocess.Popen[str]",
    word: str,
    moments: random.Random,
    times: int,
) -> None:
    """Kills children whose command contains `word`, `times` times or until the study ends."""
    last = 0
    while study.interruptions < times and study.wait_for_search(process):
        time.sleep(moments.uniform(0.05, 0.8))
        children = [pid for pid, line in study.children(process).items() if word in line]
        if children and children[0] != last:
            last = moments.choice(children)
            os.kill(last, signal.SIGKILL)
            study.interruptions += 1


def leave_half_line(study: InterruptedStudy) -> None:
    """Writes half a line at the journal's end, as a killed writer or a full disk does."""
    with study.journal.open("ab") as file:
        file.write(b'{"op_code":6,"worker_id":"a","trial_')
