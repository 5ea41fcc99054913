"""Searcher, early-stopping schedule and trial together, in one process.

Ray Tune's loop calls these three; here a plain loop calls them, with the real journal, the real
schedule, real training and real checkpoints.
"""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher
from rich.console import Console

from hemomodel import fit, synthetic_cohort
from hemomodel.dataset.preparation import prepare
from study.search.asha import PerArmASHA, rungs
from study.search.progress import ProgressView
from study.search.searcher import ArmSearcher
from study.search.trial import StackedTrial, report_epochs
from study.search.tune import replay
from study.settings.cohort_and_splits import search_replicates
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings
from study.store.arms import open_arms

ARMS = ("equal", "gradnorm")
SETTINGS = Settings(
    balancers=ARMS,
    trials=12,
    folds=2,
    seeds=1,
    startup_trials=3,
    report_every=2,
    fit={"epochs": 6},
    space={"hidden.width": [16], "batch_size": [64]},
    early_stopping={"grace": 1, "factor": 2},
)
EPOCHS = 6


class Killed(BaseException):
    """The process ended here."""


class TrialHere(StackedTrial):
    """A trial in this process; in a study, Ray passes it the common objects."""

    def __init__(self, config, **parts):
        self.config = config
        self.setup(config, **parts)


@dataclass
class Search:
    """A study's folder, and how many moments are left until it is killed."""

    folder: Path
    stack: object
    space: SearchSpace
    moments: int | None = None
    skills: dict = field(default_factory=dict)

    def moment(self):
        """A moment at which a process may be killed."""
        if self.moments is not None:
            if not self.moments:
                raise Killed
            self.moments -= 1

    def arms(self):
        journal = JournalFileBackend(str(self.folder / "study.journal"))
        storage = optuna.storages.JournalStorage(journal)
        return open_arms(storage, {name: (name,) for name in ARMS})

    def run(self, moments=None):
        """Runs or resumes the search; it is killed after this number of moments."""
        self.moments = moments
        arms = self.arms()
        searcher = ArmSearcher(
            arms, self.space, trials=SETTINGS.trials, epochs=EPOCHS, seed=SETTINGS.seed,
            startup=SETTINGS.startup_trials,
        )  # fmt: skip
        schedule = PerArmASHA(SETTINGS.early_stopping, EPOCHS, [arm.key for arm in arms])
        replay(arms, schedule, ProgressView(Console(quiet=True), ARMS, 0, SETTINGS.trials))
        while (config := searcher.suggest("t")) != Searcher.FINISHED:
            self.moment()
            searcher.note("t", wandb_id="")
            trial, result = self.trial(config), {"done": False}
            while not result["done"]:
                self.moment()
                result = trial.step()
                self.skills[config["arm"], config["place"]] = (result["score"], result["figures"])
                searcher.report("t", result["epoch"], result["score"])
                decision = schedule.on_trial_result(None, trial, result)
                result["done"] |= decision == TrialScheduler.STOP
                self.moment()
            schedule.on_trial_complete(None, trial, result)
            searcher.on_trial_complete("t", result)
        return self.trials()

    def trial(self, config):
        ladder = rungs(SETTINGS.early_stopping, EPOCHS)
        return TrialHere(
            config, stacks=[self.stack], space=self.space, checkpoints=str(self.folder),
            stops=report_epochs(EPOCHS, SETTINGS.report_every, ladder), device="cpu",
        )  # fmt: skip

    def trials(self):
        """Returns the stored data of every trial, arm by arm."""
        return {
            (arm.name, trial.number): (
                trial.state, trial.params, trial.value, trial.intermediate_values,
            )
            for arm in self.arms() for trial in arm.trials
        }  # fmt: skip


@pytest.fixture(scope="module")
def parts():
    cohort = synthetic_cohort(160, seed=0)
    stack = prepare(cohort, search_replicates(SETTINGS))
    return cohort, stack, SearchSpace(SETTINGS, [task.name for task in stack.tasks])


@pytest.fixture(scope="module")
def make_search(parts, tmp_path_factory):
    def make():
        return Search(tmp_path_factory.mktemp("search"), *parts[1:])

    return make


@pytest.fixture(scope="module")
def undisturbed(make_search):
    return make_search().run()


def test_every_arm_has_its_trials_and_some_are_stopped_early(undisturbed):
    assert sorted(undisturbed) == [(arm, number) for arm in ARMS for number in range(6)]
    states = [state for state, *_ in undisturbed.values()]
    assert set(states) == {TrialState.COMPLETE, TrialState.PRUNED}
    assert len({tuple(params.items()) for _, params, *_ in undisturbed.values()}) == 12


def test_a_trial_is_stopped_below_the_median_of_its_arm_at_a_rung_and_nowhere_else(undisturbed):
    ladder = rungs(SETTINGS.early_stopping, EPOCHS)
    for arm in ARMS:
        seen = {rung: [] for rung in ladder}
        for number in range(6):
            state, _, _, reports = undisturbed[arm, number]
            last = max(reports)
            for rung in ladder:
                if rung <= last:
                    seen[rung].append(reports[rung])
            stopped = state == TrialState.PRUNED
            assert (last < EPOCHS) == stopped
            if stopped:
                above = sum(score > reports[last] for score in seen[last])
                assert above >= len(seen[last]) / 2 - 0.5
            for rung in ladder:
                if rung < last:
                    above = sum(score > reports[rung] for score in seen[rung])
                    assert above <= len(seen[rung]) / 2


def test_each_trial_is_what_the_library_makes_of_its_parameters(undisturbed, parts):
    cohort, _, space = parts
    for (arm, _), (_, params, value, reports) in undisturbed.items():
        config = space.build({"balancer": arm, **params})
        score = fit(config, cohort, search_replicates(SETTINGS)).history.score
        for epoch, reported in reports.items():
            assert reported == pytest.approx(float(score[:epoch].max()), rel=1e-6)
        if value is not None:
            assert value == pytest.approx(reports[max(reports)])


def test_the_scores_of_each_task_are_those_of_the_best_epoch(make_search):
    search = make_search()
    search.run()
    for score, figures in search.skills.values():
        assert figures.scores["skill"].mean() == pytest.approx(score, abs=1e-6)


@given(st.lists(st.integers(0, 25), min_size=1, max_size=4))
@settings(max_examples=8)
def test_a_search_killed_at_any_moment_ends_as_the_undisturbed_one(make_search, undisturbed, kills):
    search = make_search()
    for moments in kills:
        with contextlib.suppress(Killed):
            search.run(moments)
    assert search.run() == undisturbed
