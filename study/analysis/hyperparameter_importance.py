"""The importance of hyperparameters, by two measures, from a copy of the study's journal."""

import shutil
import tempfile
import warnings
from pathlib import Path

import optuna
import pandas as pd
from optuna.importance import (
    BaseImportanceEvaluator,
    FanovaImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from hemomodel.errors import InputError
from study.store.study_folder import StudyFolder

__all__ = ["MIN_TRIALS", "hyperparameter_importance", "journal_trials"]

MIN_TRIALS = 8
"""The fewest finished trials of an arm for which importance is computed."""


def journal_trials(folder: StudyFolder) -> dict[str, list[FrozenTrial]]:
    """Returns each arm's trials, from a copy of the journal; the journal itself is not opened.

    Raises:
        InputError: the file is not a journal.
    """
    if not folder.journal.exists():
        return {}
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / folder.journal.name
        shutil.copyfile(folder.journal, copy)
        try:
            storage = optuna.storages.JournalStorage(JournalFileBackend(str(copy)))
            return {s.study_name: s.get_trials(deepcopy=False) for s in _studies(storage)}
        except Exception as error:  # a damaged journal can raise any error in Optuna
            what = f"{type(error).__name__}: {error}"
            raise InputError(
                f"{folder.journal}: cannot be read as an Optuna journal ({what}); restore it"
            ) from error


def _studies(storage: optuna.storages.BaseStorage) -> list[optuna.Study]:
    names = optuna.get_all_study_names(storage)
    return [optuna.load_study(study_name=name, storage=storage) for name in names]


def hyperparameter_importance(trials: list[FrozenTrial]) -> pd.DataFrame:
    """Returns one row per parameter: parameter, ped_anova, fanova; the shares sum to one.

    Only complete trials with a score count. fANOVA (Hutter et al., ICML 2014) needs a common space:
    it covers only the parameters that all trials have. PED-ANOVA (Watanabe et al., IJCAI 2023) also
    covers the conditional parameters.

    The table has no rows if too few trials ended, or if all have the same score.
    """
    ended = [t for t in trials if t.state == TrialState.COMPLETE and t.value is not None]
    if len(ended) < MIN_TRIALS or len({trial.value for trial in ended}) == 1:
        return pd.DataFrame(columns=["parameter", "ped_anova", "fanova"])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.add_trials([_plain(trial) for trial in ended])
    with warnings.catch_warnings():
        # PED-ANOVA has been experimental since Optuna 3.6.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # The warning is about a depth that few trials drew. The report states this limit.
        warnings.filterwarnings("ignore", "Some regimes for parameter", UserWarning)
        measures: dict[str, BaseImportanceEvaluator] = {
            "ped_anova": PedAnovaImportanceEvaluator(),
            "fanova": FanovaImportanceEvaluator(n_trees=32, seed=0),
        }
        shares = {name: get_param_importances(study, evaluator=m) for name, m in measures.items()}
    table = pd.DataFrame(shares).rename_axis("parameter").reset_index()
    order = table[["ped_anova", "fanova"]].mean(axis=1).sort_values(ascending=False).index
    return table.loc[order].reset_index(drop=True)


def _plain(trial: FrozenTrial) -> FrozenTrial:
    """Returns a trial with only its parameters and its score."""
    return optuna.trial.create_trial(
        params=trial.params, distributions=trial.distributions, value=trial.value
    )
