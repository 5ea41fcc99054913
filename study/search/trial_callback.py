"""Everything that happens in the driver when a trial starts, reports or ends."""

import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from study.search.progress import ProgressView
from study.search.searcher import ArmSearcher
from study.store.study_folder import StudyFolder
from study.store.trial_report import TrialReport
from study.store.trial_tables import TrialTableWriter
from study.tracking.tracker import Tracker
from study.tracking.wandb_payload import run_config, run_rows, run_summary

__all__ = ["Ended", "TrialCallback"]


def _unless_broken(method: Callable[..., None]) -> Callable[..., None]:
    """Keeps the first failed write, and does nothing after it."""

    @wraps(method)
    def kept(self: "TrialCallback", *args: Any, **kwargs: Any) -> None:
        if self._fault.error is None:
            with self._fault.capture():
                method(self, *args, **kwargs)

    return kept


class TrialCallback(Callback):
    """Writes what trials report to the study's tables, Optuna, W&B and the terminal."""

    def __init__(
        self,
        folder: StudyFolder,
        searcher: ArmSearcher,
        tables: TrialTableWriter,
        tracker: Tracker,
        view: ProgressView,
        common: Mapping[str, Any],
    ) -> None:
        """Takes what it writes to; `common` is what the W&B configs of all trials share."""
        self._fault = searcher.fault
        self._folder, self._searcher, self._tables = folder, searcher, tables
        self._tracker, self._view, self._common = tracker, view, common
        self._ended = Ended()

    def __getstate__(self) -> dict[str, Any]:
        """Leaves nothing in Tune's snapshot, which is written but never read."""
        return {}

    @_unless_broken
    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Opens the trial's W&B run."""
        config = trial.config
        params = config["params"]
        run = self._tracker.start(
            config["number"],
            params["balancer"],
            run_config(self._common, config["number"], config["arm"], config["outer_fold"], params),
        )
        self._searcher.note(trial.trial_id, wandb_id=run)
        self._view.started(config["number"], config["arm"])

    @_unless_broken
    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **_: Any,
    ) -> None:
        """Takes a report; if it is the last one, writes all that must outlive this process.

        Tune calls this before it tells the searcher, so a trial is only ever told finished to
        Optuna when its tables are on disk.
        """
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

    @_unless_broken
    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **_: object
    ) -> None:
        """Drops the checkpoint of a trial that Optuna knows to have ended."""
        if trial.last_result and trial.last_result.get("done"):
            self._drop_checkpoint(trial)
        self._ended.forget(trial)

    @_unless_broken
    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Remembers why a trial's process died; Tune starts it again."""
        self._searcher.failing(trial.trial_id, _reason(str(trial.get_error())))

    @_unless_broken
    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Closes a trial whose process failed for good."""
        number = trial.config["number"]
        if self._searcher.waits(trial.config["key"], trial.config["place"]):
            return
        self._tracker.finish(number, {"state": "failed"}, failed=True)
        self._view.ended(number, trial.config["arm"], "failed")
        self._drop_checkpoint(trial)

    def on_experiment_end(self, trials: list[Trial], **_: object) -> None:
        """Leaves Tune one trial to sum up: nobody reads its summary, and it takes its time."""
        del trials[1:]

    def _drop_checkpoint(self, trial: Trial) -> None:
        path = self._folder.checkpoints / f"{trial.config['number']:05d}.pt"
        path.unlink(missing_ok=True)


def _reason(text: str) -> str:
    """Returns the line of Tune's error text that says what happened."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    # A traceback ends with its error; the death of a process begins with it, under a date.
    raised = any("Traceback" in line or "ray::" in line for line in lines)
    return lines[-1 if raised or len(lines) == 1 else 1][:200]


class Ended:
    """The trials that have ended, of which Tune needs no more than that they have."""

    def __init__(self) -> None:
        self._first: Trial | None = None

    def forget(self, trial: Trial) -> None:
        """Empties a trial; what Tune may still look at is shared by all of them."""
        first = self._first = self._first or trial
        trial.config = trial._Trial__unresolved_config = {}  # noqa: SLF001 - a copy that it keeps
        trial.evaluated_params, trial.experiment_tag = {}, ""
        trial._default_result_or_future = None  # noqa: SLF001 - an object in Ray's store
        first.run_metadata.last_result = {}
        first.run_metadata.metric_analysis.clear()
        first.run_metadata.metric_n_steps.clear()
        trial.run_metadata, trial.storage = first.run_metadata, first.storage
        trial.placement_group_factory = first.placement_group_factory
