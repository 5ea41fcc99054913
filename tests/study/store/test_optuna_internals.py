"""Optuna still has the internals that a study uses beyond the public API."""

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.trial import TrialState

from study.store._optuna_internals import CompactJournalBackend, reopen_trial, storage_of


@pytest.fixture
def storage():
    return InMemoryStorage()


@pytest.fixture
def study(storage):
    return optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))


def test_a_study_knows_its_storage(study, storage):
    study.ask()
    assert storage_of(study).get_all_studies() == storage.get_all_studies()


@pytest.mark.parametrize("redraw", [False, True])
def test_an_open_trial_is_opened_again(study, redraw):
    """With the stored parameters, or with newly drawn ones."""
    drawn = study.ask().suggest_float("lr", 0, 1)
    (frozen,) = study.get_trials()
    study.sampler = optuna.samplers.RandomSampler(seed=1)
    trial = reopen_trial(study, frozen, redraw=redraw)
    assert (trial.suggest_float("lr", 0, 1) == drawn) is not redraw
    assert frozen.distributions == {"lr": FloatDistribution(0, 1)}  # the original is unchanged
    study.tell(trial, 0.5)
    assert [(t.number, t.state) for t in study.get_trials()] == [(0, TrialState.COMPLETE)]


def test_a_journal_remembers_one_place_and_reads_on_from_it(tmp_path):
    backend = CompactJournalBackend(str(tmp_path / "journal"))
    study = optuna.create_study(storage=JournalStorage(backend))
    for number in range(20):
        study.tell(study.ask(), number)
    assert len(study.get_trials()) == 20
    assert 0 < len(backend._log_number_offset) < 20
