"""Logs to Weights & Biases, only from the driver: one run per trial, and one for the study.

It logs configurations, scores, curves and aggregate tables. It never logs a patient's row, the
name of the machine, its user or its command line. One path is logged: W&B writes the path of a
table's file into the table's manifest.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal, TypeAlias

import pandas as pd

from study.store.record import shareable_settings
from study.store.study_folder import StudyFolder
from study.tracking._wandb_internals import process_deaths

Mode: TypeAlias = Literal["offline", "online", "disabled"]

PROJECT = "hemomodel"

__all__ = ["PROJECT", "Tracker", "WandbTracker", "import_wandb", "open_tracker"]


def import_wandb(folder: StudyFolder) -> ModuleType:
    """Imports W&B so that it writes only into the study's folder.

    W&B reads its environment when it is imported, so nothing may import it earlier.
    """
    # Error reports look up a host name on the network, even in offline mode.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    inside = str(folder.root / "wandb")
    for variable in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_ARTIFACT_DIR"):
        os.environ[variable] = inside
    os.environ["WANDB_DIR"] = str(folder.root)  # W&B makes wandb/ in it
    import wandb

    return wandb


class Tracker:
    """The interface of a study's log. This class, for `--wandb disabled`, logs nothing.

    **Who may call.** Only the driver of the study, from one thread. Trials and other nodes never
    call it.

    **Order.** `start`, then `log`, then `finish` for each trial; many trials may be open
    simultaneously. `conclude` once the trials have ended; `close` last. A trial that this process
    or an earlier one started may be started again, and logged epochs may be logged again.

    **What is on disk when a method returns.** Nothing is certain before `close` returns, because
    another process writes. Data lost in a crash is logged again from the study's tables
    (`relog.py`).

    **Failures.** A tracker never ends a study. If the process that writes is lost, `lost` becomes
    True and the study continues.

    Attributes:
        lost: whether some of the logged data may be missing.
    """

    lost = False

    def start(self, number: int, balancer: str, config: Mapping[str, Any]) -> str:
        """Opens a trial's run; returns its id, or "" if there is none."""
        return ""

    def log(self, number: int, rows: Iterable[Mapping[str, float]]) -> None:
        """Logs some epochs of a trial; see `wandb_payload.py`."""

    def finish(self, number: int, summary: Mapping[str, Any], *, failed: bool) -> None:
        """Closes a trial's run."""

    def conclude(
        self,
        config: Mapping[str, Any],
        summary: Mapping[str, Any],
        tables: Mapping[str, pd.DataFrame],
    ) -> None:
        """Logs the study's own run: settings, verdict, tables."""

    def conclude_again(self) -> None:
        """Logs the study's own run once more, if it had one."""

    def close(self, *, interrupted: bool) -> None:
        """Ends all open runs, and waits until they are on disk."""


class WandbTracker(Tracker):
    """Logs to W&B, offline or online. It writes only inside the study's folder."""

    def __init__(self, folder: StudyFolder, mode: Mode, project: str = PROJECT) -> None:
        wandb: Any = import_wandb(folder)
        self._wandb, self._mode, self._project = wandb, mode, project
        self._folder, self._study = folder, folder.name
        self._runs: dict[int, Any] = {}
        self._logged: dict[int, int] = {}
        self._verdict: tuple[Any, Any, Any] | None = None

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """Continues when W&B's own process has failed.

        The open runs are abandoned, and the next run starts another process. Lost data is logged
        again when the study ends (see `relog.py`).
        """
        try:
            yield
        except process_deaths():
            self.lost = True
            self._runs.clear()
            self._teardown()

    def _teardown(self) -> None:
        try:
            self._wandb.teardown()
        except process_deaths():
            self.lost = True

    def _open(self, part: str, kind: str, config: Mapping[str, Any], tags: Sequence[str]) -> Any:
        return self._wandb.init(
            project=self._project,
            mode=self._mode,
            id=f"{self._study}-{part}",
            name=f"{tags[0]}-{part}" if kind == "trial" else self._study,
            group=self._study,
            job_type=kind,
            tags=list(tags),
            config=dict(config),
            dir=str(self._folder.root),
            reinit="create_new",
            resume="allow",
            settings=self._wandb.Settings(
                console="off",
                x_disable_stats=True,
                x_save_requirements=False,
                x_disable_machine_info=True,
                host="-",
                disable_git=True,
                disable_code=True,
                silent=True,
                x_transaction_log_flush_interval=2,
            ),
        )

    def start(self, number: int, balancer: str, config: Mapping[str, Any]) -> str:
        """Opens a trial's run, or continues it."""
        if number not in self._runs:
            with self._surviving():
                run = self._open(str(number), "trial", config, [balancer])
                run.define_metric("epoch")
                run.define_metric("*", step_metric="epoch")
                self._runs[number], self._logged[number] = run, 0
        return f"{self._study}-{number}"

    def log(self, number: int, rows: Iterable[Mapping[str, float]]) -> None:
        """Logs some epochs of a trial.

        An epoch that is reported again after a retry is logged once.
        """
        run = self._runs.get(number)
        if run is None:
            return
        with self._surviving():
            for row in rows:
                if row["epoch"] > self._logged[number]:
                    run.log(row)
                    self._logged[number] = int(row["epoch"])

    def finish(self, number: int, summary: Mapping[str, Any], *, failed: bool) -> None:
        """Closes a trial's run with flat summary keys."""
        run = self._runs.pop(number, None)
        if run is not None:
            with self._surviving():
                run.summary.update(dict(summary))
                run.finish(exit_code=int(failed))

    def conclude(
        self,
        config: Mapping[str, Any],
        summary: Mapping[str, Any],
        tables: Mapping[str, pd.DataFrame],
    ) -> None:
        """Logs the study's own run."""
        self._verdict = (config, summary, tables)
        with self._surviving():
            run = self._open("study", "study", shareable_settings(config), ["study"])
            run.log({name: self._wandb.Table(dataframe=table) for name, table in tables.items()})
            run.summary.update(dict(summary))
            run.finish()

    def conclude_again(self) -> None:
        """Logs the study's own run once more, if it had one."""
        if self._verdict is not None:
            self.conclude(*self._verdict)

    def close(self, *, interrupted: bool) -> None:
        """Ends open runs, as failed if the study was interrupted, and waits for the files."""
        for number in list(self._runs):
            self.finish(number, {"state": "interrupted"}, failed=interrupted)
        self._teardown()  # finish() returns before the files are complete


def open_tracker(folder: StudyFolder, mode: Mode) -> Tracker:
    """Returns the tracker of a mode: `offline`, `online` or `disabled`."""
    return Tracker() if mode == "disabled" else WandbTracker(folder, mode)
