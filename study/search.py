"""The whole road of a study: cohort, search, held-out comparison, verdict."""

import time
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from hemomodel.cohort import Cohort
from hemomodel.features import feature_names
from study.cli import INTERRUPTED
from study.cluster import check_paths, quiet_environment, start_ray
from study.config import Settings
from study.data import open_cohort, open_schema, outer_folds
from study.folder import Folder
from study.live import duration
from study.provenance import check_same, provenance, read_record, write_record
from study.results import join_parts, trials_table
from study.screen import show_comparison
from study.searcher import Arm, open_arms
from study.space import Space
from study.storage import keep_copy, open_storage, prefix_of, saying_what_was_lost
from study.tracking import open_tracker

quiet_environment()  # before the first import of Ray

from study.conclude import conclude  # noqa: E402
from study.devices import choose_device  # noqa: E402
from study.nodes import check_shared  # noqa: E402
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
    begun = time.monotonic()
    name = settings.name or time.strftime("study-%Y%m%d-%H%M%S")
    check_paths(out=settings.out, data=settings.data)
    folder = Folder(Path(settings.out).resolve() / name)
    stored = read_record(folder)
    space = _checked_space(settings)
    # One after the other: Ray forks, and a fork beside a computing thread can hang either.
    cohort = open_cohort(settings)
    start_ray(settings.address, settings.max_concurrent)
    study = _open(settings, folder, cohort, space, stored)
    check_shared(folder)
    console.print(f"[bold]{name}[/bold] in {folder.root}", highlight=False)
    console.print(str(cohort.attrition), highlight=False)
    for finding in cohort.findings:
        console.print(f"note: {finding}", style="yellow", highlight=False)
    with saying_what_was_lost(settings, name):
        interrupted = search(study, console)
        table = _write_tables(study)
        keep_copy(settings, study.arms, folder)
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
    with saying_what_was_lost(settings, name):
        comparison = _concluded(study, table, console)
    show_comparison(console, comparison, cohort.schema.tasks)
    console.print(f"Done in {duration(time.monotonic() - begun)}: {folder.root}", highlight=False)
    return 0


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
    write_record(folder, provenance(settings, cohort.digest))
    folder.write_json("attrition.json", cohort.attrition.to_dict())
    return Running(
        settings=settings,
        folder=folder,
        cohort=cohort,
        space=space,
        arms=_arms(settings, folder, new=stored is None),
        epochs=space.base.epochs,
        device=choose_device(settings),
        tracker=open_tracker(folder, settings.wandb),
    )


def _checked_space(settings: Settings) -> Space:
    """Returns the space, once all that can be wrong without the data has been looked at."""
    schema = open_schema(settings)
    space = Space(settings, [task.name for task in schema.tasks])
    feature_names(schema, space.base.features)
    return space


def _arms(settings: Settings, folder: Folder, *, new: bool) -> list[Arm]:
    storage = open_storage(settings, folder)
    prefix = prefix_of(settings, folder, storage, new=new)
    arms: dict[str, tuple[str, ...]] = {name: (name,) for name in settings.balancers}
    if settings.allocation == "joint":
        arms = {"joint": settings.balancers}
    return open_arms(storage, arms, outer_folds(settings), prefix)


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
