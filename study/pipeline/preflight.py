"""Starts a study: checks its input, then starts Ray.

The rest of the pipeline takes a second or two to import. This module is separate from it, so that
Ray's workers load meanwhile.
"""

import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from hemomodel.cohort.cohort import Cohort
from hemomodel.dataset.preprocessor import feature_names
from hemomodel.recommender.decision_constraints import task_groups
from study.cluster.ray_session import check_paths, quiet_environment, start_ray
from study.settings.cohort_and_splits import (
    fresh_replicates,
    open_cohort,
    open_schema,
    outer_folds,
    search_replicates,
)
from study.settings.cross_checks import check_settings
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings
from study.store.lock import StudyLock
from study.store.prepared_study import PreparedStudy
from study.store.record import check_unchanged, read_record
from study.store.study_folder import StudyFolder

__all__ = ["checked_space", "preflight"]


def preflight(settings: Settings) -> PreparedStudy:
    """Reads the cohort, checks settings against it, and starts Ray.

    Args:
        settings: of the study; its name decides the folder.

    Raises:
        InputError: settings, data or folder are not usable.
    """
    started = time.monotonic()
    quiet_environment()  # before the first import of Ray
    check_paths(settings.out, settings.source)
    name = settings.name or time.strftime("study-%Y%m%d-%H%M%S")
    folder = StudyFolder(Path(settings.out).resolve() / name)
    lock = StudyLock(folder.root)
    with ExitStack() as given_back:
        given_back.enter_context(lock)
        read_record(folder)  # a folder that is not a study is refused immediately
        space = checked_space(settings)
        # Not in parallel: Ray forks, and a fork next to a computing thread can hang both.
        cohort = open_cohort(settings)
        _make_splits(settings, cohort)
        folder.make_root()
        lock.take()
        stored = read_record(folder)  # again: another process may have started the study
        if stored is not None:
            check_unchanged(folder, stored, settings, cohort.digest)
        start_ray(settings.address, settings.max_concurrent)
        given_back.pop_all()  # the study holds the lock from here on
    return PreparedStudy(started, settings, folder, lock, space, cohort)


def checked_space(settings: Settings) -> SearchSpace:
    """Returns the search space, after all checks that do not need the data.

    Raises:
        InputError: a setting is not usable.
    """
    schema = open_schema(settings)
    space = SearchSpace(settings, [task.name for task in schema.tasks])
    feature_names(schema, space.base.features)
    task_groups(schema, np.ones(sum(task.size for task in schema.tasks), dtype=bool))
    check_settings(settings, space.base.epochs)
    return space


def _make_splits(settings: Settings, cohort: Cohort) -> None:
    """Makes every split once, before Ray starts, because the start of Ray takes time.

    Raises:
        InputError: there are too few rows for the number of folds.
    """
    for outer_fold in range(outer_folds(settings)):
        for replicates in (search_replicates, fresh_replicates):
            replicates(settings, outer_fold).split(cohort)
