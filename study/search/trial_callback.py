"""The actions of the driver when a trial starts, reports or ends."""

import math
from collections.abc import Mapping
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from study.cluster._ray_internals import release_trial
from study.search.progress import ProgressView
from study.search.searcher import ArmSearcher
from study.store.study_folder import StudyFolder
from study.store.trial_report import TrialReport
from study.store.trial_tables import TrialTableWriter
from study.tracking.tracker import Tracker
from study.tracking.wandb_payload import run_config, run_rows, run_summary

__all__ = ["TrialCallback"]


class TrialCallback(Callback):
    """Writes the reports of trials to the study's tables, Optuna, W&B and the terminal.

    **Who may call.** Tune's loop, in the driver, from one thread. The driver holds the study's
    lock.

    **When Tune calls.** `on_trial_start` each time a process starts a trial, also after a retry.
    `on_trial_result` for each report, before the searcher receives the trial's end.
    `on_trial_complete` and `on_trial_error` after the searcher has stored the end in Optuna.

    **What is on disk when a hook returns.** After `on_trial_start`, the start of the trial. After
    `on_trial_result`, its score in Optuna; after its last report also its tables, so that Optuna
    never holds the end of a trial without its tables. The other reports are in memory. After
    `on_trial_complete`, the trial's checkpoint is removed. W&B's files are complete only when the
    tracker is closed.

    **Failed writes.** A hook raises no error of the disk or of the database. The first error is in
    the searcher's `failure`, later hooks do nothing, and the search stops.
    """

    def __init__(
        self,
        folder: StudyFolder,
        searcher: ArmSearcher,
        tables: TrialTableWriter,
        tracker: Tracker,
        view: ProgressView,
        shared_config: Mapping[str, Any],
    ) -> None:
        """Takes the outputs, and the entries that the W&B configurations of all trials share."""
        self._failure = searcher.failure
        self._folder, self._searcher, self._tables = folder, searcher, tables
        self._tracker, self._view, self._shared_config = tracker, view, shared_config
        self._first_ended: Trial | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Returns an empty state for Tune's snapshot, which is written but never read."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Opens the trial's W&B run."""
        self._failure.attempt(self._start, trial)

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **_: Any,
    ) -> None:
        """Stores a report; after the last one, writes the trial's tables and attributes."""
        self._failure.attempt(self._take, trial, result)

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **_: object
    ) -> None:
        """Removes the checkpoint of a trial that has ended in Optuna."""
        self._failure.attempt(self._release, trial)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Stores why a trial's process failed; Tune starts the trial again."""
        self._searcher.record_death(trial.trial_id, _reason(str(trial.get_error())))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Closes a trial that is not retried again."""
        if not self._searcher.will_retry(trial.config["key"], trial.config["place"]):
            self._failure.attempt(self._give_up, trial)

    def on_experiment_end(self, trials: list[Trial], **_: object) -> None:
        """Removes all trials but one from Tune's summary, which is slow and never read."""
        del trials[1:]

    def _start(self, trial: Trial) -> None:
        config = trial.config
        number, arm, params = config["number"], config["arm"], config["params"]
        run = self._tracker.start(
            number,
            params["balancer"],
            run_config(self._shared_config, number, arm, config["outer_fold"], params),
        )
        self._searcher.note(trial.trial_id, wandb_id=run)
        self._view.started(number, arm)

    def _take(self, trial: Trial, result: dict[str, Any]) -> None:
        report: TrialReport = {key: result[key] for key in TrialReport.__annotations__}  # type: ignore[assignment]
        number, arm = trial.config["number"], trial.config["arm"]
        self._searcher.report(trial.trial_id, report["epoch"], report["score"])
        self._tables.add(number, report)
        self._tracker.log(number, run_rows(report, self._tables.tasks))
        self._view.reported(arm, report["score"])
        if result.get("done"):
            self._close(trial, report)
        del result["figures"]  # Tune keeps the last result of every trial

    def _close(self, trial: Trial, report: TrialReport) -> None:
        number = trial.config["number"]
        state = self._searcher.state_of(report)
        scores = self._tables.close(number, report)
        self._searcher.note(
            trial.trial_id,
            best_epoch=report["best_epoch"],
            epochs=report["epoch"],
            seconds=report["seconds"],
            steps=report["steps"],
            unsolved=report["unsolved"],
            **({} if math.isnan(report["residual"]) else {"residual": report["residual"]}),
        )
        summary = run_summary(report, state, scores)
        self._tracker.finish(number, summary, failed=bool(report["failure"]))
        self._view.ended(number, trial.config["arm"], state)

    def _release(self, trial: Trial) -> None:
        if trial.last_result and trial.last_result.get("done"):
            self._drop_checkpoint(trial)
        self._first_ended = self._first_ended or trial
        release_trial(trial, self._first_ended)

    def _give_up(self, trial: Trial) -> None:
        number = trial.config["number"]
        self._tracker.finish(number, {"state": "failed"}, failed=True)
        self._view.ended(number, trial.config["arm"], "failed")
        self._drop_checkpoint(trial)

    def _drop_checkpoint(self, trial: Trial) -> None:
        path = self._folder.checkpoints / f"{trial.config['number']:05d}.pt"
        path.unlink(missing_ok=True)


def _reason(text: str) -> str:
    """Returns the line of Tune's error text that describes the error."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    # A traceback ends with its error. A process failure has it in its second line, below a date.
    raised = any("Traceback" in line or "ray::" in line for line in lines)
    return lines[-1 if raised or len(lines) == 1 else 1][:200]
