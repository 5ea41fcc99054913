"""The whole road of a study: cohort, search, held-out comparison, verdict."""

import time
from typing import Any

import optuna
import pandas as pd
from optuna.storages.journal import JournalFileBackend
from rich.console import Console

from study.begin import Begun
from study.cli import INTERRUPTED
from study.conclude import conclude
from study.config import Settings
from study.data import outer_folds
from study.folder import Folder
from study.live import duration
from study.provenance import check_same, provenance, write_record
from study.results import join_parts, trials_table
from study.run import Running, search
from study.screen import show_comparison
from study.searcher import Arm, open_arms
from study.tracking import open_tracker

__all__ = ["run_study"]


def run_study(begun: Begun, console: Console) -> int:
    """Runs a study to its verdict, or goes on with one that exists.

    Args:
        begun: the study, as `study.begin.begin` found it.
        console: what a person sees.

    Returns:
        the exit code: 0, or 130 after an interrupt.

    Raises:
        InputError: the folder is not usable, or holds another study.
    """
    settings, folder, cohort = begun.settings, begun.folder, begun.cohort
    name = folder.name
    study = _open(begun)
    console.print(f"[bold]{name}[/bold] in {folder.root}", highlight=False)
    console.print(str(cohort.attrition), highlight=False)
    for finding in cohort.findings:
        console.print(f"note: {finding}", style="yellow", highlight=False)
    interrupted = search(study, console)
    table = _write_tables(study)
    if interrupted:
        study.tracker.close(interrupted=True)
        place = "" if settings.out == "studies" else f" --out {settings.out}"
        ended = int((table["state"] != "unfinished").sum())
        total = settings.trials * outer_folds(settings)
        console.print(
            f"Stopped: {ended} of {total} trials have ended and are kept. "
            f"This goes on from here:\n  python scripts/search.py --resume {name}{place}",
            highlight=False,
            soft_wrap=True,
        )
        return INTERRUPTED
    comparison = _concluded(study, table, console)
    show_comparison(console, comparison, cohort.schema.tasks)
    console.print(
        f"Done in {duration(time.monotonic() - begun.at)}: {folder.root}", highlight=False
    )
    return 0


def _open(begun: Begun) -> Running:
    """Opens the study's storage, new or as it was left."""
    settings, folder, cohort = begun.settings, begun.folder, begun.cohort
    if begun.stored is not None:
        check_same(folder, begun.stored, settings, cohort.digest)
    folder.make()
    write_record(folder, provenance(settings, cohort.digest))
    folder.write_json("attrition.json", cohort.attrition.to_dict())
    return Running(
        settings=settings,
        folder=folder,
        cohort=cohort,
        space=begun.space,
        arms=_arms(settings, folder),
        epochs=begun.space.base.epochs,
        tracker=open_tracker(folder, settings.wandb),
    )


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
    if not (table["state"] == "unfinished").any():  # their checkpoints are needed to go on
        study.folder.tidy()
    return comparison
