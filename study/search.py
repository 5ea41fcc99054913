"""The whole road of a study: cohort, search, held-out comparison, verdict."""

import time
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.storages.journal import JournalFileBackend
from rich.console import Console

from hemomodel.cohort import Cohort
from hemomodel.features import feature_names
from study.cli import INTERRUPTED
from study.cluster import quiet_environment, start_ray
from study.config import Settings
from study.data import open_cohort, open_schema, outer_folds
from study.faults import one_line
from study.folder import Folder
from study.journal import mend_journal
from study.live import duration
from study.lock import StudyLock
from study.provenance import check_same, provenance, read_record, write_record
from study.results import join_parts, trials_table
from study.screen import show_comparison
from study.searcher import Arm, open_arms
from study.space import Space
from study.tracking import open_tracker
from study.whole import make_runs_whole

quiet_environment()  # before the first import of Ray

from study.conclude import conclude  # noqa: E402
from study.run import Running, search  # noqa: E402

__all__ = ["run_study"]


def run_study(settings: Settings, console: Console) -> int:
    """Runs a study to its verdict, or goes on with one that exists.

    Args:
        settings: of the study; its name decides the folder.
        console: what a person sees.

    Returns:
        the exit code: 0, or 130 after an interrupt.

    Raises:
        InputError: settings, data or folder are not usable.
    """
    name = settings.name or time.strftime("study-%Y%m%d-%H%M%S")
    folder = Folder(Path(settings.out).resolve() / name)
    place = "" if settings.out == "studies" else f" --out {settings.out}"
    go_on = f"python scripts/search.py --resume {name}{place}"
    with one_line(folder, go_on), StudyLock(folder.root) as lock:
        try:
            return _run(settings, folder, lock, console, go_on)
        except KeyboardInterrupt:
            if read_record(folder) is None:
                raise
            return _stopped(console, "the search had ended or not begun", go_on)


def _run(settings: Settings, folder: Folder, lock: StudyLock, console: Console, go_on: str) -> int:
    begun = time.monotonic()
    read_record(folder)  # what is no study is refused at once
    space = _checked_space(settings)
    # One after the other: Ray forks, and a fork beside a computing thread can hang either.
    cohort = open_cohort(settings)
    start_ray(settings.address, settings.max_concurrent)
    folder.make_root()
    lock.take()
    study = _open(settings, folder, cohort, space, read_record(folder))
    console.print(f"[bold]{folder.name}[/bold] in {folder.root}", highlight=False)
    console.print(str(cohort.attrition), highlight=False)
    for finding in [*cohort.findings, *filter(None, [study.mended])]:
        console.print(f"note: {finding}", style="yellow", highlight=False)
    interrupted = search(study, console)
    table = _write_tables(study)
    if interrupted:
        study.tracker.close(interrupted=True)
        ended = int((table["state"] != "unfinished").sum())
        total = settings.trials * outer_folds(settings)
        return _stopped(console, f"{ended} of {total} trials have ended", go_on)
    comparison = _concluded(study, table, console)
    show_comparison(console, comparison, cohort.schema.tasks)
    console.print(f"Done in {duration(time.monotonic() - begun)}: {folder.root}", highlight=False)
    return 0


def _stopped(console: Console, where: str, go_on: str) -> int:
    said = f"Stopped: {where}; all that ended is kept. This goes on from here:\n  {go_on}"
    console.print(said, highlight=False, soft_wrap=True)
    return INTERRUPTED


def _open(
    settings: Settings,
    folder: Folder,
    cohort: Cohort,
    space: Space,
    stored: dict[str, Any] | None,
) -> Running:
    """Opens the study's storage, new or as it was left."""
    if stored is not None:
        check_same(folder, stored, settings, cohort.digest)
    folder.make()
    mended = mend_journal(folder.journal)
    write_record(folder, provenance(settings, cohort.digest))
    folder.write_json("attrition.json", cohort.attrition.to_dict())
    return Running(
        settings=settings,
        folder=folder,
        cohort=cohort,
        space=space,
        arms=_arms(settings, folder),
        epochs=space.base.epochs,
        tracker=open_tracker(folder, settings.wandb),
        resumed=stored is not None,
        mended=mended,
    )


def _checked_space(settings: Settings) -> Space:
    """Returns the space, once all that can be wrong without the data has been looked at."""
    schema = open_schema(settings)
    space = Space(settings, [task.name for task in schema.tasks])
    feature_names(schema, space.base.features)
    return space


def _arms(settings: Settings, folder: Folder) -> list[Arm]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    backend = JournalFileBackend(str(folder.journal))
    storage = optuna.storages.JournalStorage(backend)
    arms: dict[str, tuple[str, ...]] = {name: (name,) for name in settings.balancers}
    if settings.allocation == "joint":
        arms = {"joint": settings.balancers}
    return open_arms(storage, arms, outer_folds(settings))


def _write_tables(study: Running) -> pd.DataFrame:
    join_parts(study.folder)
    table = trials_table(study.arms)
    study.folder.write_table("trials.parquet", table)
    return table


def _concluded(study: Running, table: pd.DataFrame, console: Console) -> dict[str, Any]:
    """Returns the comparison; whatever happens, W&B's files are whole afterwards."""
    try:
        comparison = conclude(study, table, console)
    finally:
        study.tracker.close(interrupted=False)
    if study.settings.wandb == "offline" and (study.resumed or study.tracker.lost):
        make_runs_whole(study.folder, study.tracker, table, study.common)
    if not (table["state"] == "unfinished").any():  # their checkpoints are needed to go on
        study.folder.tidy()
    return comparison
