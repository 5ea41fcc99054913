"""The whole road of a study: cohort, search, held-out comparison, verdict."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.storages.journal import JournalFileBackend
from rich.console import Console

from hemomodel.cohort import Cohort
from hemomodel.errors import InputError
from hemomodel.features import feature_names
from hemomodel.preparing import prepare
from hemomodel.stack import Stack
from study.cli import INTERRUPTED
from study.cluster import quiet_environment, start_ray
from study.comparison import compare, comparison_table, difference_table, task_table
from study.config import Settings
from study.data import fresh_replicates, open_cohort, open_schema
from study.evidence import Candidate, Evidence, OuterFold
from study.folder import Folder
from study.live import duration
from study.provenance import check_same, provenance, read_record, write_record
from study.results import join_parts, trials_table
from study.screen import show_comparison
from study.searcher import Arm, open_arms
from study.space import Space
from study.tracking import open_tracker

quiet_environment()  # before the first import of Ray

from study.best import save_best  # noqa: E402
from study.confirm import Confirmed, Finalist, confirm, finalists  # noqa: E402
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
    folder = Folder(Path(settings.out).resolve() / name)
    stored = read_record(folder)
    space = _checked_space(settings)
    # One after the other: Ray forks, and a fork beside a computing thread can hang either.
    cohort = open_cohort(settings)
    start_ray(settings.address, settings.max_concurrent)
    study = _open(settings, folder, cohort, space, stored)
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
        console.print(
            f"Stopped: {ended} of {settings.trials} trials have ended and are kept. "
            f"This goes on from here:\n  python scripts/search.py --resume {name}{place}",
            highlight=False,
            soft_wrap=True,
        )
        return INTERRUPTED
    _conclude(study, table, console)
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
        arms=_arms(settings, folder),
        epochs=space.base.epochs,
        tracker=open_tracker(folder, settings.wandb),
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
    return open_arms(storage, arms)


def _write_tables(study: Running) -> pd.DataFrame:
    join_parts(study.folder)
    table = trials_table(study.arms)
    study.folder.write_table("trials.parquet", table)
    return table


def _conclude(study: Running, table: pd.DataFrame, console: Console) -> None:
    """Retrains the finalists, compares them on held-out rows, and says what that means."""
    chosen = finalists(study.arms, study.space.build)
    if not chosen:
        study.tracker.close(interrupted=False)
        raise InputError(
            f"no trial of {study.folder.name} ended with a score; see the errors in "
            f"{study.folder.root / 'trials.parquet'}"
        )
    stack = _held_out_stack(study)
    with console.status("retraining the best of each arm on fresh seeds"):
        confirmed = confirm(chosen, stack)
    comparison = compare(_evidence(chosen, confirmed, stack, table), stack.tasks, table)
    study.folder.write_json("comparison.json", comparison)
    save_best(study.folder, chosen, confirmed, stack)
    study.tracker.conclude(
        {**study.settings.model_dump(mode="json"), "data_digest": study.cohort.digest},
        {"verdict": comparison["verdict"], "baselines": comparison["baselines"]},
        {
            "attrition": pd.DataFrame(study.cohort.attrition.steps),
            "comparison": comparison_table(comparison),
            "differences": difference_table(comparison),
            "tasks": task_table(comparison),
        },
    )
    study.tracker.close(interrupted=False)
    if not (table["state"] == "unfinished").any():  # their checkpoints are needed to go on
        study.folder.tidy()
    show_comparison(console, comparison, stack.tasks)


def _evidence(
    chosen: list[Finalist], confirmed: list[Confirmed], stack: Stack, table: pd.DataFrame
) -> Evidence:
    """Returns one candidate an arm: with no other to choose from, its search score stands alone."""
    counts = table["arm"].value_counts()
    arms = {
        finalist.arm: (
            Candidate(
                finalist.number,
                finalist.trial.params,
                finalist.config.epochs,
                float(finalist.trial.value or 0.0),
                np.full_like(result.metrics["skill"], finalist.trial.value or 0.0),
                result.losses,
                result.metrics,
            ),
        )
        for finalist, result in zip(chosen, confirmed, strict=True)
    }
    trials = {name: int(counts[name]) for name in arms}
    fold = OuterFold(confirmed[0].trivial, arms, trials)
    seeds = np.asarray([seed for seed, _ in stack.pairs])
    return Evidence(seeds, stack.rows_per_epoch, (fold,))


def _held_out_stack(study: Running) -> Stack:
    replicates = fresh_replicates(study.settings)
    base = study.space.base
    return prepare(
        study.cohort,
        replicates,
        features=base.features,
        targets=base.targets,
        score_on="test",
    )
