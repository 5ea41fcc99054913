"""Made-up results of a search and of retraining its finalists, for tests of the comparison."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
import torch
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from hemomodel import FitConfig
from hemomodel.schema.entries import Task
from hemomodel.training.reliability import BINS
from study.analysis.comparison_data import ComparisonData, OuterFold
from study.analysis.finalists import Finalist, finalist_scores, select_finalists
from study.analysis.retrain import RetrainedFinalist
from study.store.arms import Arm, open_arms
from study.store.study_folder import StudyFolder

MODELS = ("forest", "gradient_boosting", "regularised_linear", "base_rate")
PAIRS = [(seed, fold) for seed in range(5000, 5004) for fold in range(3)]
EPOCHS = 60
_FINALISTS = 3

Tasks = Sequence[Task]
Retrained = list[tuple[Finalist, RetrainedFinalist]]


def searched(
    folder: StudyFolder,
    names: Sequence[str],
    lost: str | None,
    each: int,
    random: np.random.Generator,
    tasks: Tasks,
) -> list[Arm]:
    """Writes `study.journal`, and returns the arms with their trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder.journal)))
    arms = open_arms(storage, {name: (name,) for name in names})
    for arm in arms:
        for _ in range(each):
            arm.study.add_trial(_trial(arm.name, random, tasks, failed=arm.name == lost))
    return arms


def _trial(
    arm: str, random: np.random.Generator, tasks: Tasks, *, failed: bool
) -> optuna.trial.FrozenTrial:
    depth = int(random.integers(2, 5))
    domains = _domains(arm, depth, tasks)
    params = {name: _drawn(domain, random) for name, domain in domains.items()}
    params["hidden.depth"] = depth
    score = 0.12 - 0.02 * abs(np.log10(params["lr"]) + 2.5) + random.normal(0, 0.01)
    luck = 1.0 if failed else random.random()
    state = TrialState.COMPLETE
    if luck > 0.5:
        state = TrialState.PRUNED if luck < 0.95 else TrialState.FAIL
    seconds = float(random.uniform(0.5, 4))
    if state == TrialState.FAIL:
        value, noted = None, {"seconds": seconds, "failure": "loss is not finite at epoch 3"}
    else:
        ended = {"best_epoch": int(random.integers(30, EPOCHS)), "epochs": EPOCHS}
        unsolved = 2 if arm == "nash_mtl" else 0
        noted = {**ended, "seconds": seconds, "steps": EPOCHS * 12, "unsolved": unsolved}
        value = float(score)
    return optuna.trial.create_trial(
        state=state,
        params=params,
        distributions=domains,
        value=value,
        intermediate_values={} if value is None else {10: value},
        user_attrs=noted,
    )


def _domains(arm: str, depth: int, tasks: Tasks) -> dict[str, BaseDistribution]:
    domains: dict[str, BaseDistribution] = {
        "lr": FloatDistribution(1e-4, 1e-1, log=True),
        "weight_decay": FloatDistribution(1e-6, 1e-1, log=True),
        "dropout": FloatDistribution(0.0, 0.5),
        "hidden.depth": IntDistribution(2, 4),
    }
    widths = CategoricalDistribution([16, 32, 64, 128])
    domains |= {f"hidden.width{layer + 1}": widths for layer in range(depth)}
    if arm == "fixed":
        each = FloatDistribution(-2.0, 2.0)
        return domains | {f"fixed.log_weights.{task.name}": each for task in tasks}
    return domains | (
        {} if arm == "equal" else {f"{arm}.lr": FloatDistribution(1e-4, 0.1, log=True)}
    )


def _drawn(domain: Any, random: np.random.Generator) -> Any:
    if isinstance(domain, CategoricalDistribution):
        return domain.choices[random.integers(len(domain.choices))]
    low, high = domain.low, domain.high
    if getattr(domain, "log", False):
        return float(np.exp(random.uniform(np.log(low), np.log(high))))
    return float(random.uniform(low, high))


def retrained(
    arms: Sequence[Arm], random: np.random.Generator, tasks: Tasks, rows: int
) -> Retrained:
    """Returns each arm's finalists with their scores on `rows` held-out rows."""
    shape = len(PAIRS), rows, len(tasks)
    trivial = np.broadcast_to(random.gamma(9, 0.1, shape[1:]), shape)
    skill = random.normal(0.12, 0.1, len(tasks))
    quality = {
        arm.name: skill + random.normal(0, 0.04, len(tasks)) + random.normal(0, 0.3, shape[1:])
        for arm in arms
    }
    return [
        (finalist, _result(finalist, quality[finalist.arm], trivial, random, tasks))
        for finalist in select_finalists(arms, lambda _: FitConfig(), _FINALISTS)
    ]


def evidence_of(arms: Sequence[Arm], results: Retrained, size: dict[str, Any]) -> ComparisonData:
    """Returns the data to compare; for `size` see `About`."""
    trivial = results[0][1].trivial
    units = size.get("held_out_units")
    fold = OuterFold(
        trivial=trivial,
        arms={
            arm.name: tuple(finalist_scores(f, r) for f, r in results if f.arm == arm.name)
            for arm in arms
        },
        trials={arm.name: len(arm.trials) for arm in arms},
        references={name: trivial * (0.8 + 0.06 * place) for place, name in enumerate(MODELS)},
        groups=None if units is None else np.arange(trivial.shape[1]) % units,
    )
    seeds = np.array([seed for seed, _ in PAIRS])
    return ComparisonData(seeds, 183, (fold,), size.get("unit", "rows"))


def _result(
    finalist: Finalist,
    quality: np.ndarray,
    trivial: np.ndarray,
    random: np.random.Generator,
    tasks: Tasks,
) -> RetrainedFinalist:
    """Returns a finalist that is about as good as its arm."""
    losses = trivial * (1 - quality + random.normal(0, 0.1, trivial.shape))
    skill = 1 - losses.sum(1) / trivial.sum(1)
    epochs = np.arange(1, finalist.config.epochs + 1)[:, None, None]
    rise = skill - 0.9 * np.exp(-epochs / 7) - 0.0004 * epochs
    drift = 0.0 if finalist.arm == "equal" else random.normal(0, 0.5, len(tasks))
    weight = np.broadcast_to(np.exp(drift * epochs / EPOCHS), rise.shape)
    count = len(tasks)
    cosines = np.clip(random.normal(0.1, 0.3, (len(epochs), count, count)), -1, 1)
    return RetrainedFinalist(
        validation=skill + random.normal(0, 0.02, skill.shape),
        losses=losses,
        trivial=trivial,
        regret=losses * 0.4,
        metrics=made_up_metrics(losses, trivial, tasks),
        curves={"held_out_skill": rise, "validation_skill": rise + 0.02, "weight": weight},
        cosines=cosines,
        reliability=_reliability(random, tasks),
        parameters=torch.empty(0),
    )


def made_up_metrics(losses: np.ndarray, trivial: np.ndarray, tasks: Tasks) -> dict[str, np.ndarray]:
    """Returns plausible metrics (R, T) of a skill; NaN where a task has no such metric."""
    skill = 1 - losses.sum(1) / trivial.sum(1)
    value = np.array([task.is_value for task in tasks])
    ordinal = np.array([task.kind == "ordinal" for task in tasks])
    regret = np.maximum(0.4 - skill, 0.01)

    def where(known: np.ndarray, figures: np.ndarray) -> np.ndarray:
        return np.where(known, figures, np.nan)

    return {
        "skill": skill,
        "accuracy": where(~value, 0.5 + 0.3 * skill),
        "balanced_accuracy": where(~value, 0.3 + 0.3 * skill),
        "cross_entropy": where(~value, 1.2 - skill),
        "ordinal_mae": where(ordinal, 0.7 - 0.3 * skill),
        "rmse": where(value, 25 - 5 * skill),
        "mae": where(value, 18 - 5 * skill),
        "r2": where(value, skill),
        "regret": np.where(value, 90, 1) * regret,
    }


def _reliability(random: np.random.Generator, tasks: Tasks) -> np.ndarray:
    """Returns sums (T, BINS, 3) of probabilities near the diagonal; zero for values."""
    count = np.array([400 // (place + 1) for place in range(BINS)])
    given = (np.arange(BINS) + 0.5) / BINS
    observed = np.clip(given + random.normal(0, 0.05, (len(tasks), BINS)), 0, 1)
    sums = np.stack(np.broadcast_arrays(given * count, observed * count, count), -1)
    classes = np.array([not task.is_value for task in tasks])
    return sums * classes[:, None, None]
