"""A made-up study: every file of its folder, without a search."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from hemomodel import synthetic_cohort
from hemomodel.cohort.summary import Tables, table_one
from hemomodel.schema.entries import Task
from hemomodel.schema.schema import Schema
from study.analysis.held_out.permutation_importance import source_columns
from study.analysis.held_out.rows import HeldOutRows, Winner
from study.analysis.held_out.tables import evaluate_winners
from study.store.study_folder import StudyFolder

MODELS = ("gradient_boosting", "regularised_linear", "base_rate")


PAIRS = [(seed, fold) for seed in range(5000, 5008) for fold in range(5)]


EPOCHS = 60


Maker = Callable[..., StudyFolder]


Tasks = Sequence[Task]


@dataclass(frozen=True)
class About:
    """The table that a study is about.

    Attributes:
        schema: of the table.
        groups: the rows that Table 1 compares.
        attrition: the ledger, as it is written.
        settings: what the study's record says of the table.
        size: what the comparison says of the held-out rows.
    """

    schema: Schema
    groups: Tables
    attrition: dict[str, Any]
    settings: dict[str, Any]
    size: dict[str, Any]


def built_in() -> About:
    """The built-in cohort."""
    cohort = synthetic_cohort(465, seed=0)
    return About(
        cohort.schema,
        {"training": cohort.table.iloc[46:], "held out": cohort.table.iloc[:46]},
        cohort.attrition.to_dict(),
        {"data": "synthetic:465", "schema_file": None},
        {"held_out_rows": 46},
    )


def made_study(
    root: Path,
    arms: Sequence[str],
    trials: int = 80,
    lost: str | None = None,
    about: About | None = None,
) -> StudyFolder:
    """Writes a study's folder, every file of it."""
    about = about or built_in()
    tasks = about.schema.tasks
    random = np.random.default_rng(7)
    folder = StudyFolder(root)
    folder.make_root()
    skills = {arm: random.normal(0.12, 0.1, len(tasks)) for arm in arms}
    _write_record(folder, [*arms, *([lost] if lost else [])], trials, about.settings)
    table = _write_search(folder, arms, lost, trials, random, tasks)
    _write_held_out(folder, skills, random, tasks)
    _write_curves(folder, skills, random, tasks)
    _write_cosines(folder, arms, random, tasks)
    _write_calibration(folder, arms, random, tasks)
    comparison = _comparison(skills, table, random, tasks)
    folder.write_json("comparison.json", {**comparison, **about.size})
    folder.write_json("attrition.json", about.attrition)
    folder.write_table("table_one.parquet", table_one(about.schema, about.groups, rare=0.05))
    _write_ensembles(folder, about, skills, random)
    return folder


def _write_record(
    folder: StudyFolder, arms: Sequence[str], trials: int, data: dict[str, Any]
) -> None:
    record = {
        "settings": {
            "name": folder.name, **data, "trials": trials,
            "seed": 0, "balancers": list(arms), "fit": {"epochs": EPOCHS}, "space": {},
            "early_stopping": {"grace": 10, "factor": 3.0},
        },
        "data_digest": "72" * 32,
        "versions": {"hemomodel": "0.1.0", "torch": "2.13.0"},
        "python": "3.11.7",
        "machine": "Linux x86_64",
        "commit": "4307723555e39338e736e8660ecf01ee8be36024",
        "command": f"search.py --trials {trials} --name {folder.name}",
    }  # fmt: skip
    text = yaml.safe_dump(record, allow_unicode=True, sort_keys=False)
    folder.write_text("study.yaml", text)


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


def _write_search(
    folder: StudyFolder,
    arms: Sequence[str],
    lost: str | None,
    trials: int,
    random: np.random.Generator,
    tasks: Tasks,
) -> pd.DataFrame:
    """Writes `study.journal` and `trials.parquet`."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder.journal)))
    names = [*arms, *([lost] if lost else [])]
    rows = []
    for index, arm in enumerate(names):
        study = optuna.create_study(storage=storage, study_name=arm, direction="maximize")
        for place in range(trials // len(names)):
            trial = _trial(arm, random, tasks, failed=arm == lost)
            study.add_trial(trial)
            rows.append(_row(trial, arm, place * len(names) + index, random))
    table = pd.DataFrame(rows).sort_values("number", ignore_index=True)
    table = table.astype({"best_epoch": "Int64", "epochs": "Int64", "steps": "Int64"})
    folder.write_table("trials.parquet", table)
    return table


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
    value = None if state == TrialState.FAIL else float(score)
    steps = {10: value} if value is not None else {}
    return optuna.trial.create_trial(
        state=state, params=params, distributions=domains, value=value, intermediate_values=steps
    )


def _drawn(domain: Any, random: np.random.Generator) -> Any:
    if isinstance(domain, CategoricalDistribution):
        return domain.choices[random.integers(len(domain.choices))]
    low, high = domain.low, domain.high
    if getattr(domain, "log", False):
        return float(np.exp(random.uniform(np.log(low), np.log(high))))
    return float(random.uniform(low, high))


def _row(
    trial: optuna.trial.FrozenTrial, arm: str, number: int, random: np.random.Generator
) -> dict[str, Any]:
    state = {TrialState.FAIL: "failed", TrialState.PRUNED: "pruned"}.get(trial.state, "complete")
    failed = state == "failed"
    return {
        "number": number, "arm": arm, "balancer": arm, "state": state,
        "params": json.dumps({"balancer": arm, **trial.params}),
        "score": np.nan if failed else trial.value,
        "best_epoch": None if failed else 30, "epochs": None if failed else EPOCHS,
        "seconds": float(random.uniform(0.5, 4)), "wandb_id": "",
        "error": "loss is not finite at epoch 3" if failed else "",
        "steps": None if failed else EPOCHS * 12, "step_seconds": 0.002, "residual": np.nan,
        "unsolved": 0, "outer_fold": 0,
    }  # fmt: skip


def _metrics(task: Task, skill: float) -> dict[str, float]:
    regret = max(0.4 - skill, 0.01)
    if task.is_value:
        return {"rmse": 25 - 5 * skill, "mae": 18 - 5 * skill, "r2": skill, "regret": 90 * regret}
    loss = {"cross_entropy": 1.2 - skill, "regret": regret}
    if task.kind == "ordinal":
        loss["ordinal_mae"] = 0.7 - 0.3 * skill
    return {"accuracy": 0.5 + 0.3 * skill, "balanced_accuracy": 0.3 + 0.3 * skill, **loss}


def _write_held_out(
    folder: StudyFolder, skills: dict[str, np.ndarray], random: np.random.Generator, tasks: Tasks
) -> None:
    rows = [
        (arm, 0, seed, fold, task.name, metric, value)
        for arm, own in skills.items()
        for seed, fold in PAIRS
        for task, noisy in zip(tasks, own + random.normal(0, 0.06, len(tasks)), strict=True)
        for metric, value in {"skill": noisy, **_metrics(task, noisy)}.items()
    ]
    names = ["arm", "outer_fold", "seed", "fold", "task", "metric", "value"]
    folder.write_table("held_out.parquet", pd.DataFrame(rows, columns=names))
    rows = [
        (model, 0, task.name, metric, value)
        for place, model in enumerate(MODELS)
        for task in tasks
        for metric, value in _metrics(task, 0.15 - 0.07 * place).items()
    ]
    names = ["model", "outer_fold", "task", "metric", "value"]
    folder.write_table("references.parquet", pd.DataFrame(rows, columns=names))


def _write_curves(
    folder: StudyFolder, skills: dict[str, np.ndarray], random: np.random.Generator, tasks: Tasks
) -> None:
    parts = []
    for arm, own in skills.items():
        epochs = np.arange(1, random.integers(30, EPOCHS) + 1)
        for task, skill in zip(tasks, own, strict=True):
            rise = skill - 0.9 * np.exp(-epochs / 7) - 0.0004 * epochs
            drift = np.exp(random.normal(0, 0.5) * epochs / EPOCHS)
            weight = np.ones(len(epochs)) if arm == "equal" else drift
            found = {"held_out_skill": rise, "validation_skill": rise + 0.02, "weight": weight}
            for metric, mean in found.items():
                part = {"epoch": epochs, "task": task.name, "metric": metric, "mean": mean}
                parts.append(pd.DataFrame(part).assign(arm=arm, outer_fold=0))
    table = pd.concat(parts)
    folder.write_table(
        "curves.parquet", table.assign(low=table["mean"] - 0.08, high=table["mean"] + 0.07)
    )


def _write_cosines(
    folder: StudyFolder, arms: Sequence[str], random: np.random.Generator, tasks: Tasks
) -> None:
    known = [task.name for task in tasks]
    rows = [
        (arm, 0, epoch, task, other, 1.0 if task == other else random.normal(0.1, 0.3))
        for arm in arms
        for epoch in (1, 5, 15, 30)
        for task in known
        for other in known
    ]
    names = ["arm", "outer_fold", "epoch", "task", "other", "cosine"]
    table = pd.DataFrame(rows, columns=names)
    folder.write_table("cosines.parquet", table.assign(cosine=table["cosine"].clip(-1, 1)))


def _write_calibration(
    folder: StudyFolder, arms: Sequence[str], random: np.random.Generator, tasks: Tasks
) -> None:
    rows = [
        (arm, task.name, place, (place + 0.5) / 10,
         float(np.clip((place + 0.5) / 10 + random.normal(0, 0.05), 0, 1)), 400 // (place + 1))
        for arm in arms
        for task in tasks
        if not task.is_value
        for place in range(10)
    ]  # fmt: skip
    names = ["arm", "task", "bin", "predicted", "observed", "count"]
    folder.write_table("calibration.parquet", pd.DataFrame(rows, columns=names))


def _write_ensembles(
    folder: StudyFolder, about: About, skills: dict[str, np.ndarray], random: np.random.Generator
) -> None:
    """Writes what a study finds out of its ensembles, of some that see a number or two."""
    *_, table = about.groups.values()
    rows = made_up_rows(about.schema, table, random)
    *_, feature_set = about.schema.feature_sets
    columns = [name for own in source_columns(about.schema, feature_set).values() for name in own]
    numbers = table[columns].select_dtypes("number")
    centre, scale = numbers.mean().to_numpy(), numbers.std().to_numpy() + 1e-9

    def predictor(slopes: np.ndarray, cold: float) -> Callable[[pd.DataFrame], np.ndarray]:
        def predict(own: pd.DataFrame) -> np.ndarray:
            state = (own[numbers.columns].to_numpy() - centre) / scale
            return rows.trivial + cold * np.nan_to_num(state) @ slopes

        return predict

    winners = []
    for arm in skills:
        slopes = random.normal(0, 0.1, (numbers.shape[1], len(rows.trivial)))
        temperatures = random.uniform(0.8, 1.6, len(rows.tasks))
        winners.append(Winner(arm, 0, predictor(slopes, 2.0), predictor(slopes, 1.0), temperatures))
    leading = max(skills, key=lambda arm: skills[arm].mean())
    for name, own in evaluate_winners(about.schema, feature_set, winners, [rows], leading).items():
        folder.write_table(f"{name}.parquet", own)


def made_up_rows(schema: Schema, table: pd.DataFrame, random: np.random.Generator) -> HeldOutRows:
    """Returns held-out rows with labels by lot."""
    labels = np.concatenate(
        [np.eye(task.size)[random.integers(0, task.size, len(table))] if task.levels
         else random.gamma(9, 1, (len(table), 1)) for task in schema.tasks], axis=1
    )  # fmt: skip
    value = np.repeat([task.is_value for task in schema.tasks], [t.size for t in schema.tasks])
    return HeldOutRows(
        tasks=schema.tasks,
        table=table.reset_index(drop=True),
        labels=labels,
        known=np.ones((len(table), len(schema.tasks)), dtype=bool),
        units=np.arange(len(table)),
        trivial=np.where(value, labels.mean(0), np.log((labels.sum(0) + 0.5) / len(labels))),
    )


def _comparison(
    skills: dict[str, np.ndarray], trials: pd.DataFrame, random: np.random.Generator, tasks: Tasks
) -> dict[str, Any]:
    baselines = [name for name in ("equal", "fixed", "single_task") if name in skills]
    means = {arm: float(own.mean()) for arm, own in skills.items()}
    order = sorted(means, key=lambda arm: -means[arm])
    return {
        "score": "mean skill over tasks and replicates", "level": 0.95, "baselines": baselines,
        "training_rows": 183, "replicates": len(PAIRS),
        "fresh_seeds": sorted({seed for seed, _ in PAIRS}), "outer_folds": 1,
        "finalists_per_arm": 3,
        "arms": [_arm(arm, own, trials, order, random, tasks) for arm, own in skills.items()],
        "differences": [
            _difference(arm, base, means) for base in baselines for arm in skills if arm != base
        ],
        "ranks": {
            "friedman_p": 0.02, "critical_difference": 1.4, "blocks": 400,
            "mean_ranks": {arm: 1.5 + 0.8 * place for place, arm in enumerate(order)},
            "groups": [order[start : start + 3] for start in range(max(1, len(order) - 2))],
        },
        "references": [
            {"model": model, "score": _interval(0.14 - 0.07 * place, 0.04),
             "tasks": {task.name: {"skill": 0.15 - 0.07 * place} for task in tasks}}
            for place, model in enumerate(MODELS)
        ],
        "verdict": f"No balancer is distinguishable from {baselines[0]} on these held-out rows.",
    }  # fmt: skip


def _arm(
    arm: str,
    own: np.ndarray,
    trials: pd.DataFrame,
    order: list[str],
    random: np.random.Generator,
    tasks: Tasks,
) -> dict[str, Any]:
    states = trials[trials["arm"] == arm]["state"].value_counts()
    worst = int(own.argmin())
    best = [{"trials": n, **_interval(0.05 + 0.1 * (1 - np.exp(-n / 8)) + own.mean() / 5, 0.02)}
            for n in range(1, int(states.sum()) + 1)]  # fmt: skip
    finalists = [
        {"outer_fold": 0, "trial": 4 * place, "params": {"lr": 0.003, "hidden.depth": 2},
         "epochs": 30, "search_score": 0.2 - 0.01 * place, "validation_score": 0.19 - 0.01 * place,
         "chosen": place == 0}
        for place in range(3)
    ]  # fmt: skip
    return {
        "arm": arm, "trials": {str(k): int(v) for k, v in states.items()},
        "failed": int(states.get("failed", 0)), "unsolved_steps": 12 if arm == "nash_mtl" else 0,
        "finalists": finalists, "score": _interval(float(own.mean()), 0.05),
        "regret": _interval(0.4 - float(own.mean()), 0.05),
        "mean_rank": 1.5 + 0.8 * order.index(arm),
        "worst_task": {"task": tasks[worst].name, "skill": float(own[worst])},
        "delta_m": _interval(100 * float(own.mean()) - 10, 4) if "single_task" in order else None,
        "seconds_per_trial": 2.1, "seconds_per_step": float(random.uniform(0.001, 0.008)),
        "tasks": {task.name: {"skill": _interval(skill, 0.08), **_metrics(task, skill)}
                  for task, skill in zip(tasks, own.tolist(), strict=True)},
        "expected_best": best,
    }  # fmt: skip


def _difference(arm: str, base: str, means: dict[str, float]) -> dict[str, Any]:
    found = _interval(means[arm] - means[base], 0.04)
    told = abs(found["estimate"]) > 0.04
    return {
        "arm": arm, "baseline": base, **found, "p_value": 0.03, "p_holm": 0.2,
        "probability_of_improvement": 0.61, "regret": _interval(-found["estimate"], 0.04),
        "distinguishable": told,
        "needed": None if told else
        {"rows": 900, "seeds": None, "outer_folds": 12, "difference": 0.02},
        "verdict": f"{arm}: {'better or worse than' if told else 'not distinguishable from'} "
                   f"{base} at this size ({found['estimate']:+.3f}).",
    }  # fmt: skip


def _interval(estimate: float, half: float) -> dict[str, float]:
    return {"estimate": estimate, "low": estimate - half, "high": estimate + half}
