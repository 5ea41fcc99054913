"""The display of a running study: one table in a terminal, otherwise a line now and then."""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from study.cli import duration

__all__ = ["ProgressView"]


class ProgressView:
    """Counts trials by arm and state, and shows them with the best score of each arm.

    In a terminal it redraws one table; elsewhere it prints a line after each tenth of the study.
    """

    def __init__(self, console: Console, arms: Sequence[str], done: int, total: int) -> None:
        self._console, self._arms = console, list(arms)
        self._total, self._before = total, done
        self._states: dict[str, Counter[str]] = defaultdict(Counter)
        self._best: dict[str, float] = {}
        self._running: dict[int, str] = {}
        self._begun = time.monotonic()
        self._lines = 0
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def known(self, arm: str, state: str, score: float) -> None:
        """Enters a trial of an earlier process."""
        self._states[arm][state] += 1
        self._keep(arm, score)

    def started(self, number: int, arm: str) -> None:
        """Enters a trial that has started."""
        self._running[number] = arm
        self.draw()

    def reported(self, arm: str, score: float) -> None:
        """Enters the best score so far of a trial."""
        self._keep(arm, score)

    def ended(self, number: int, arm: str, state: str) -> None:
        """Enters a trial that has ended."""
        self._running.pop(number, None)
        self._states[arm][state] += 1
        self.draw()

    def _keep(self, arm: str, score: float) -> None:
        if score > self._best.get(arm, -float("inf")):
            self._best[arm] = score

    @property
    def _done(self) -> int:
        return sum(sum(states.values()) for states in self._states.values())

    def _left(self) -> str:
        since = self._done - self._before
        if since < 3:  # noqa: PLR2004 - a rate from one or two trials misleads
            return "estimating the remaining time"
        rate = (time.monotonic() - self._begun) / since
        return f"about {duration(rate * (self._total - self._done))} left"

    def draw(self) -> None:
        """Redraws the table, or prints a line if another tenth of the study is complete."""
        if self._console.is_terminal:
            self._live.update(self._table(), refresh=True)
        elif self._done * 10 // self._total > self._lines:
            self._lines = self._done * 10 // self._total
            best = ", ".join(f"{arm} {score:.3f}" for arm, score in self._best.items())
            self._console.print(f"{self._done}/{self._total} trials, {self._left()}; best: {best}")

    def _table(self) -> Group:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for title in ("arm", "complete", "stopped early", "failed", "running", "best score"):
            table.add_column(title, justify="left" if title == "arm" else "right")
        running = Counter(self._running.values())
        for arm in self._arms:
            states = self._states[arm]
            best = f"{self._best[arm]:.4f}" if arm in self._best else "-"
            counts = (states["complete"], states["pruned"], states["failed"], running[arm])
            table.add_row(arm, *map(str, counts), best)
        elapsed = duration(time.monotonic() - self._begun)
        status = f"{self._done} of {self._total} trials, {elapsed}, {self._left()}"
        bar = ProgressBar(total=self._total, completed=self._done, width=40)
        return Group(bar, Text(status), Text(), table)
