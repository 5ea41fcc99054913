"""The whole road of a study: cohort, search, held-out comparison, verdict."""

import time

import pandas as pd
from rich.console import Console
from rich.markup import escape

from study.analysis.comparison.result import Comparison
from study.cli import INTERRUPTED, duration
from study.cluster.devices import choose_device
from study.cluster.node_monitor import check_shared
from study.pipeline.preflight import PreparedStudy
from study.report.terminal.comparison import show_comparison
from study.search.context import StudyContext
from study.search.tune import run_trials
from study.settings.cohort_and_splits import outer_folds
from study.settings.settings import Settings
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
from study.store.record import read_record, study_record, write_record
from study.store.study_folder import StudyFolder
from study.store.trial_tables import trials_table
from study.tracking.relog import relog_incomplete_runs
from study.tracking.tracker import open_tracker

__all__ = ["run_study"]


def run_study(begun: PreparedStudy, console: Console) -> int:
    """Runs a study to its verdict, or goes on with one that exists.

    Args:
        begun: the study, as `preflight` returned it.
        console: what a person sees.

    Returns:
        the exit code: 0, or 130 after an interrupt.

    Raises:
        InputError: the folder is not usable, or holds another study.
    """
    go_on = begun.folder.resume_command()
    with (
        as_input_error(begun.folder, go_on),
        database_failure_message(begun.settings, go_on),
        begun.lock,
    ):
        try:
            return _run(begun, console, go_on)
        except KeyboardInterrupt:
            if read_record(begun.folder) is None:
                raise
            return _stopped(console, "at once; what was under way is taken up again", go_on)


def _run(begun: PreparedStudy, console: Console, go_on: str) -> int:
    settings, folder, cohort = begun.settings, begun.folder, begun.cohort
    study = _open(begun)
    console.print(f"[bold]{folder.name}[/bold] in {escape(str(folder.root))}", highlight=False)
    console.print(str(cohort.attrition), markup=False, highlight=False)
    for finding in [*cohort.findings, *filter(None, [study.journal_repair])]:
        console.print(f"note: {finding}", style="yellow", markup=False, highlight=False)
    interrupted = _searched(study, console)
    table = _write_tables(study)
    export_trials(settings, study.arms, folder)
    if interrupted:
        study.tracker.close(interrupted=True)
        ended = int((table["state"] != "unfinished").sum())
        total = settings.trials * outer_folds(settings)
        return _stopped(console, f"{ended} of {total} trials have ended", go_on)
    comparison = _concluded(study, table, console)
    show_comparison(console, comparison, cohort.schema.tasks)
    done = f"Done in {duration(time.monotonic() - begun.at)}: {folder.root}"
    console.print(done, markup=False, highlight=False)
    return 0


def _searched(study: StudyContext, console: Console) -> bool:
    """Returns whether the search was interrupted; if it fails, W&B's open runs are ended."""
    try:
        return run_trials(study, console)
    except BaseException:
        study.tracker.close(interrupted=True)
        raise


def _stopped(console: Console, where: str, go_on: str) -> int:
    message = f"Stopped: {where}; all that ended is kept. This goes on from here:\n  {go_on}"
    console.print(message, markup=False, highlight=False, soft_wrap=True)
    return INTERRUPTED


def _open(begun: PreparedStudy) -> StudyContext:
    """Opens the study's storage, new or as it was left."""
    settings, folder, cohort = begun.settings, begun.folder, begun.cohort
    stored = read_record(folder)
    folder.make()
    check_shared(folder)
    journal_repair = repair_journal(folder.journal)
    write_record(folder, study_record(settings, cohort.digest))
    folder.write_json("attrition.json", cohort.attrition.to_dict())
    return StudyContext(
        settings=settings,
        folder=folder,
        cohort=cohort,
        space=begun.space,
        arms=_arms(settings, folder, new=stored is None),
        epochs=begun.space.base.epochs,
        device=choose_device(settings),
        tracker=open_tracker(folder, settings.wandb),
        resumed=stored is not None,
        journal_repair=journal_repair,
    )


def _arms(settings: Settings, folder: StudyFolder, *, new: bool) -> list[Arm]:
    storage = open_storage(settings, folder)
    prefix = study_prefix(settings, folder, storage, new=new)
    arms: dict[str, tuple[str, ...]] = {name: (name,) for name in settings.balancers}
    if settings.allocation == "joint":
        arms = {"joint": settings.balancers}
    return open_arms(storage, arms, outer_folds(settings), prefix)


def _write_tables(study: StudyContext) -> pd.DataFrame:
    merge_trial_tables(study.folder)
    table = trials_table(study.arms)
    study.folder.write_table("trials.parquet", table)
    return table


def _concluded(study: StudyContext, table: pd.DataFrame, console: Console) -> Comparison:
    """Returns the comparison; whatever happens, W&B's files are whole afterwards."""
    from study.pipeline.finalize import finalize  # figures and models, not needed before

    try:
        comparison = finalize(study, table, console)
    finally:
        study.tracker.close(interrupted=False)
    if study.settings.wandb == "offline" and (study.resumed or study.tracker.lost):
        relog_incomplete_runs(study.folder, study.tracker, table, study.shared_config)
    if not (table["state"] == "unfinished").any():  # their checkpoints are needed to go on
        study.folder.remove_temporary()
    return comparison
