"""Runs studies with a known truth, to measure how often the comparison is wrong.

Each study has its own built-in cohort. It uses the search, the choice of finalists and the
comparison of every study, at a size that takes half a minute. Four arms are the same balancer,
`equal`: each difference that the comparison calls between them is false. Two more arms are `fixed`
with weights near zero for some tasks, so that the trunk learns nothing for these tasks: a
difference that the comparison calls there is true.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import optuna
import pandas as pd
import torch

from hemomodel.cohort.cohort import Cohort
from hemomodel.cohort.synthetic.cohort import synthetic_cohort
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.splits import Replicates
from hemomodel.dataset.stack import Stack
from hemomodel.schema.entries import Task
from hemomodel.training.loop import Training
from study.analysis.comparison.build import compare
from study.analysis.comparison_data import ComparisonData, OuterFold
from study.analysis.finalists import finalist_scores, select_finalists
from study.analysis.retrain import retrain_finalist
from study.search.searcher import ArmSearcher
from study.settings.analysis_plan import DEFAULT_PLAN, AnalysisPlan
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings
from study.store.arms import Arm, open_arms
from study.store.trial_tables import trials_table

__all__ = ["STUDIES", "error_rates", "simulate_study", "simulated_data"]

_SAME = ("equal-1", "equal-2", "equal-3", "equal-4")
_KEPT = {"half": 5, "most": 1}  # how many of the ten tasks keep their weight
STUDIES: Mapping[str, tuple[str, ...]] = {
    "null": _SAME,
    **{name: (*_SAME[:3], name) for name in _KEPT},
}
_DECLARED = AnalysisPlan(draws=1000, baselines=_SAME[:3])

_ROWS = 465
_TRIALS = 10  # per arm
_STARTUP = 5
_EPOCHS = 30
_FOLDS = 5
_SEARCH_SEEDS = (0,)
_FRESH_SEEDS = (1, 2, 3, 4)
_OFF = -6.0  # a log weight: e^-6, where other weights are 1


def simulate_study(seed: int) -> dict[str, Any]:
    """Returns the comparison of one cohort's arms, as plain data.

    Args:
        seed: of the cohort, the splits and the searches.
    """
    begun = time.perf_counter()
    evidence, trials, tasks = simulated_data(seed)
    differences = {}
    for name, arms in STUDIES.items():
        comparison = compare(_among(evidence, arms), tasks, trials, _DECLARED)
        differences[name] = [asdict(difference) for difference in comparison.differences]
    return {"seed": seed, "seconds": time.perf_counter() - begun, "studies": differences}


def simulated_data(seed: int) -> tuple[ComparisonData, pd.DataFrame, tuple[Task, ...]]:
    """Searches all arms and retrains their finalists.

    Returns:
        the data of the comparison, the trials, and the tasks.
    """
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    cohort = synthetic_cohort(_ROWS, seed=seed)
    tasks = cohort.schema.tasks
    balancers: dict[str, tuple[str, ...]] = {
        **dict.fromkeys(_SAME, ("equal",)),
        **dict.fromkeys(_KEPT, ("fixed",)),
    }
    arms = open_arms(optuna.storages.InMemoryStorage(), balancers)
    spaces = {arm.name: _space(arm, seed, tasks) for arm in arms}
    stack = prepare(cohort, _design(seed, _SEARCH_SEEDS))
    for arm in arms:
        _search(arm, spaces[arm.name], stack, seed)
    return _evidence(cohort, arms, spaces, seed), trials_table(arms), tasks


def _space(arm: Arm, seed: int, tasks: Sequence[Task]) -> SearchSpace:
    fit: dict[str, Any] = {"epochs": _EPOCHS, "batch_size": 32, "hidden.depth": 2}
    if arm.name in _KEPT:
        every = len(tasks) // _KEPT[arm.name]
        fit["fixed.log_weights"] = [_OFF if place % every else 0.0 for place in range(len(tasks))]
    settings = Settings(balancers=arm.balancers, seed=seed, fit=fit)
    return SearchSpace(settings, [task.name for task in tasks])


def _design(seed: int, seeds: tuple[int, ...]) -> Replicates:
    return Replicates(folds=_FOLDS, seeds=seeds, outer_seed=seed)


def _search(arm: Arm, space: SearchSpace, stack: Stack, seed: int) -> None:
    """Runs an arm's trials one after another, as the study's searcher suggests them."""
    searcher = ArmSearcher(
        [arm], space, trials=_TRIALS, epochs=_EPOCHS, seed=seed, startup=_STARTUP
    )
    while isinstance(drawn := searcher.suggest("trial"), dict):
        score = Training(space.build(drawn["params"]), stack).run_epochs(_EPOCHS).score
        best = int(score.argmax())
        searcher.note("trial", best_epoch=best + 1, epochs=_EPOCHS)
        failure = "" if bool(torch.isfinite(score).all()) else "a loss was not finite"
        result = {"done": True, "failure": failure, "epoch": _EPOCHS, "score": float(score[best])}
        searcher.on_trial_complete("trial", result)


def _evidence(
    cohort: Cohort, arms: Sequence[Arm], spaces: Mapping[str, SearchSpace], seed: int
) -> ComparisonData:
    stack = prepare(cohort, _design(seed, _FRESH_SEEDS), with_test=True)
    candidates, trivial = {}, None
    for arm in arms:
        chosen = select_finalists([arm], spaces[arm.name].build, DEFAULT_PLAN.finalists)
        results = [retrain_finalist(finalist.config, stack) for finalist in chosen]
        candidates[arm.name] = tuple(map(finalist_scores, chosen, results))
        trivial = results[0].trivial
    assert trivial is not None  # noqa: S101 - there are arms
    fold = OuterFold(trivial, candidates, {arm.name: len(arm.trials) for arm in arms})
    seeds = np.asarray([seed for seed, _ in stack.pairs])
    return ComparisonData(seeds, stack.rows_per_epoch, (fold,))


def _among(evidence: ComparisonData, arms: Sequence[str]) -> ComparisonData:
    folds = tuple(
        replace(fold, arms={name: fold.arms[name] for name in arms})
        for fold in evidence.outer_folds
    )
    return replace(evidence, outer_folds=folds)


def error_rates(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Returns how often a difference was called, per kind of study.

    In a null study every pair of arms counts; in the others only the handicapped arm's pairs.

    Args:
        records: results of `simulate_study`.
    """
    known = list(records)
    rates = {}
    for name, arms in STUDIES.items():
        studies = [
            [pair for pair in record["studies"][name] if name == "null" or pair["arm"] == arms[-1]]
            for record in known
        ]
        pairs = [pair for study in studies for pair in study]
        rates[name] = {
            "studies": len(studies),
            "any_called": float(np.mean([any(map(_called, study)) for study in studies])),
            "any_interval": float(np.mean([any(map(_excludes_zero, study)) for study in studies])),
            "any_test": float(np.mean([any(map(_rejected, study)) for study in studies])),
            "pair_called": float(np.mean([_called(pair) for pair in pairs])),
            "skill": float(np.mean([pair["estimate"] for pair in pairs])),
            "regret": float(np.mean([pair["regret"]["estimate"] for pair in pairs])),
            "half_width": float(np.mean([(pair["high"] - pair["low"]) / 2 for pair in pairs])),
        }
    return rates


def _called(pair: Mapping[str, Any]) -> bool:
    return bool(pair["distinguishable"])


def _excludes_zero(pair: Mapping[str, Any]) -> bool:
    return bool(pair["low"] > 0 or pair["high"] < 0)


def _rejected(pair: Mapping[str, Any]) -> bool:
    return bool(pair["p_holm"] < 1 - DEFAULT_PLAN.level)
