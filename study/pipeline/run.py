"""Runs a study: search, held-out comparison, verdict, report."""

import time

import pandas as pd
from rich.console import Console
from rich.markup import escape

from study.analysis.comparison.result import Comparison
from study.cli import INTERRUPTED, duration
from study.cluster.devices import Device, choose_device
from study.cluster.node_monitor import check_shared
from study.report.terminal.comparison import show_comparison
from study.search.tune import run_trials
from study.settings.cohort_and_splits import outer_folds
from study.store.arms import Arm, open_arms
from study.store.failures import as_input_error
from study.store.journal_repair import repair_journal
from study.store.merge_trial_tables import merge_trial_tables
from study.store.optuna_storage import (
    database_failure_message,
    export_trials,
    open_storage,
    study_prefix,
)
from study.store.prepared_study import PreparedStudy
from study.store.record import read_record, study_record, write_record
from study.store.study_folder import StudyFolder
from study.store.trial_tables import trials_table
from study.tracking.relog import relog_incomplete_runs
from study.tracking.tracker import Tracker, open_tracker

__all__ = ["run_study"]


def run_study(study: PreparedStudy, console: Console) -> int:
    """Runs a study to its verdict, or resumes one that exists.

    Args:
        study: from `preflight`.
        console: shows the study to the user.

    Returns:
        the exit code: 0, or 130 after an interrupt.

    Raises:
        InputError: the folder is not usable, or contains another study.
    """
    resume = study.folder.resume_command()
    with (
        as_input_error(study.folder, resume),
        database_failure_message(study.settings, resume),
        study.lock,
    ):
        try:
            return _run(study, console, resume)
        except KeyboardInterrupt:
            if read_record(study.folder) is None:
                raise
            return _stopped(console, "running trials will be resumed", resume)


def _run(study: PreparedStudy, console: Console, resume: str) -> int:
    settings, folder, cohort = study.settings, study.folder, study.cohort
    resumed = read_record(folder) is not None
    repair = _open_folder(study)
    arms = _open_arms(study, resumed=resumed)
    tracker = open_tracker(folder, settings.wandb)
    device = choose_device(settings)
    console.print(f"[bold]{folder.name}[/bold] in {escape(str(folder.root))}", highlight=False)
    console.print(str(cohort.attrition), markup=False, highlight=False)
    for finding in [*cohort.findings, *filter(None, [repair])]:
        console.print(f"note: {finding}", style="yellow", markup=False, highlight=False)
    try:
        interrupted = run_trials(study, arms, tracker, device, console)
    except BaseException:
        tracker.close(interrupted=True)
        raise
    trials = _write_trials(folder, arms)
    export_trials(settings, arms, folder)
    if interrupted:
        tracker.close(interrupted=True)
        ended = int((trials["state"] != "unfinished").sum())
        total = settings.trials * outer_folds(settings)
        return _stopped(console, f"{ended} of {total} trials have ended", resume)
    comparison = _finish(study, arms, trials, tracker, device, console)
    if settings.wandb == "offline" and (resumed or tracker.lost):
        relog_incomplete_runs(folder, tracker, trials, study.shared_config)
    if not (trials["state"] == "unfinished").any():  # their checkpoints are needed to resume
        folder.remove_temporary()
    show_comparison(console, comparison, cohort.schema.tasks)
    done = f"Done in {duration(time.monotonic() - study.started)}: {folder.root}"
    console.print(done, markup=False, highlight=False)
    return 0


def _stopped(console: Console, where: str, resume: str) -> int:
    message = f"Stopped: {where}; ended trials are kept. Resume the study with:\n  {resume}"
    console.print(message, markup=False, highlight=False, soft_wrap=True)
    return INTERRUPTED


def _open_folder(study: PreparedStudy) -> str:
    """Prepares the folder of a study; returns what was repaired in its journal, or ""."""
    folder = study.folder
    folder.make()
    check_shared(folder)
    repair = repair_journal(folder.journal)
    write_record(folder, study_record(study.settings, study.cohort.digest))
    folder.write_json("attrition.json", study.cohort.attrition.to_dict())
    return repair


def _open_arms(study: PreparedStudy, *, resumed: bool) -> list[Arm]:
    """Opens the study's storage, new or existing."""
    settings, folder = study.settings, study.folder
    storage = open_storage(settings, folder)
    prefix = study_prefix(settings, folder, storage, new=not resumed)
    arms: dict[str, tuple[str, ...]] = {name: (name,) for name in settings.balancers}
    if settings.allocation == "joint":
        arms = {"joint": settings.balancers}
    return open_arms(storage, arms, outer_folds(settings), prefix)


def _write_trials(folder: StudyFolder, arms: list[Arm]) -> pd.DataFrame:
    merge_trial_tables(folder)
    trials = trials_table(arms)
    folder.write_table("trials.parquet", trials)
    return trials


def _finish(
    study: PreparedStudy,
    arms: list[Arm],
    trials: pd.DataFrame,
    tracker: Tracker,
    device: Device,
    console: Console,
) -> Comparison:
    """Returns the comparison. W&B's files are complete afterwards, even after an error."""
    from study.pipeline.finalize import finalize  # figures and models, not needed before

    try:
        return finalize(study, arms, trials, tracker, device, console)
    finally:
        tracker.close(interrupted=False)
