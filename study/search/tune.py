"""The search: runs Ray Tune over the arms until every trial has ended or a user stops it."""

import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import ray
from ray import tune
from rich.console import Console

from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.stack import Stack
from study.cluster._ray_internals import SNAPSHOT_LOGGERS
from study.cluster.devices import Device
from study.cluster.node_monitor import NodeMonitor
from study.search.asha import PerArmASHA, rungs
from study.search.progress import ProgressView
from study.search.searcher import RETRIES, ArmSearcher
from study.search.trial import StackedTrial, report_epochs
from study.search.trial_callback import TrialCallback
from study.settings.cohort_and_splits import outer_folds, search_replicates
from study.store.arms import Arm
from study.store.failures import StudyFailure
from study.store.optuna_storage import database_errors
from study.store.prepared_study import PreparedStudy
from study.store.trial_tables import STATES, TrialTableWriter
from study.tracking.tracker import Tracker

__all__ = ["replay", "run_trials"]

# Tune's snapshot is never read. If it cannot be written, the study prints its own error.
for _name in SNAPSHOT_LOGGERS:
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class _Stop(tune.Stopper):
    """Stops all trials after a user's request or a failed write."""

    def __init__(self, failure: StudyFailure) -> None:
        self.asked, self._failure = False, failure

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.asked or self._failure.error is not None


@contextmanager
def _stopping_on_signals(stop: _Stop) -> Iterator[None]:
    """Turns Ctrl-C and SIGTERM into a clean stop; a second one ends the process immediately."""

    def ask(number: int, _: object) -> None:
        stop.asked = True
        signal.signal(number, before[number])

    wanted = (int(signal.SIGINT), int(signal.SIGTERM))
    before = {number: signal.signal(number, ask) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_trials(
    study: PreparedStudy, arms: list[Arm], tracker: Tracker, device: Device, console: Console
) -> bool:
    """Runs the remaining trials of the search.

    Args:
        study: to search.
        arms: of the study, with the trials of earlier processes.
        tracker: logs each trial.
        device: to train on.
        console: for the progress display.

    Returns:
        whether it was interrupted.

    Raises:
        OSError: a write to the disk failed; nothing was written after it.
        Exception: a write to the study's database failed; see `database_errors`.
    """
    settings = study.settings
    searcher = ArmSearcher(
        arms,
        study.space,
        trials=settings.trials,
        epochs=study.epochs,
        seed=settings.seed,
        startup=settings.startup_trials,
    )
    searcher.failure = StudyFailure((OSError, *database_errors(settings)))
    if not searcher.remaining:
        return False
    ladders = PerArmASHA(settings.early_stopping, study.epochs, [arm.key for arm in arms])
    names = list(dict.fromkeys(arm.name for arm in arms))
    total = settings.trials * outer_folds(settings)
    view = ProgressView(console, names, total - searcher.remaining, total)
    replay(arms, ladders, view)
    base = study.space.base
    stacks = [
        prepare(
            study.cohort,
            search_replicates(settings, outer_fold),
            features=base.features,
            targets=base.targets,
        )
        for outer_fold in range(outer_folds(settings))
    ]
    stack = stacks[0]
    tables = TrialTableWriter(study.folder, [task.name for task in stack.tasks], stack.pairs)
    trial_callback = TrialCallback(
        study.folder, searcher, tables, tracker, view, study.shared_config
    )
    stop = _Stop(searcher.failure)
    tuner = tune.Tuner(
        _trainable(study, stacks, device),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=ladders,
            num_samples=-1,  # until the searcher has no more trials
            # On a cluster, trials without a free CPU or GPU wait until nodes join.
            max_concurrent_trials=settings.max_concurrent or device.places(ray.cluster_resources()),
            time_budget_s=settings.time_budget,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: f"trial-{trial.config['number']:05d}",
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(study.folder.root),
            callbacks=[trial_callback, NodeMonitor(console, study.folder)],
            stop=stop,
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=RETRIES),
        ),
    )
    with view, _stopping_on_signals(stop):
        tuner.fit()
    if searcher.failure.error is not None:
        raise searcher.failure.error
    return stop.asked


def _trainable(study: PreparedStudy, stacks: Sequence[Stack], device: Device) -> Any:
    every = study.settings.report_every
    ladder = rungs(study.settings.early_stopping, study.epochs)
    trainable = tune.with_parameters(
        StackedTrial,
        stacks=[replace(stack, preprocessors=()) for stack in stacks],
        space=study.space,
        stops=report_epochs(study.epochs, every, ladder),
        checkpoints=str(study.folder.checkpoints),
        device=device.name,
    )
    return tune.with_resources(trainable, device.request)


def replay(arms: list[Arm], ladders: PerArmASHA, view: ProgressView) -> None:
    """Enters the trials of earlier processes in the early-stopping schedules and in the view."""
    for arm in arms:
        # The order of reports is not stored. Open trials were running at the end: they come last.
        for trial in sorted(arm.trials, key=lambda trial: not trial.state.is_finished()):
            number, ended = arm.number(trial.number), trial.state.is_finished()
            ladders.replay(arm.key, number, trial.intermediate_values, ended=ended)
            if ended:
                score = float("nan") if trial.value is None else trial.value
                view.known(arm.name, STATES[trial.state], score)
