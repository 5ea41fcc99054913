"""What is said of one arm: score, cost, tasks, and what its search was expected to find."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from hemomodel.arrays import Float64s
from hemomodel.schema.entries import Task
from study.analysis.comparison.measured import MeasuredArms
from study.analysis.comparison_data import ComparisonData
from study.analysis.statistics.bootstrap import Resampled
from study.analysis.statistics.expected_best import expected_best
from study.analysis.statistics.interval import percentiles

__all__ = ["arm_result", "mean_interval"]

_SINGLE = "single_task"


def arm_result(
    name: str, measured: MeasuredArms, tasks: Sequence[Task], trials: pd.DataFrame
) -> dict[str, Any]:
    """Returns what is said of one arm.

    Args:
        name: of the arm.
        measured: the figures of all arms.
        tasks: the T tasks.
        trials: one row a trial, of all arms.
    """
    skill, regret, level = measured.skill.point, measured.regret, measured.declared.level
    arm = skill.arms.index(name)
    own = trials[trials["arm"] == name]
    states = {str(state): int(count) for state, count in own["state"].value_counts().items()}
    worst = int(skill.estimate[arm].argmin())
    return {
        "arm": name,
        "trials": states,
        "failed": states.get("failed", 0),
        "unsolved_steps": int(own["unsolved"].sum()),
        "finalists": _finalists(measured.evidence, name),
        "score": mean_interval(skill, arm, level),
        "regret": None if regret is None else mean_interval(regret.point, arm, level),
        "mean_rank": float(skill.ranks[arm].mean()),
        "worst_task": {"task": tasks[worst].name, "skill": float(skill.estimate[arm, worst])},
        "delta_m": _delta_m(skill, arm, level),
        "seconds_per_trial": _mean(own["seconds"]),
        "seconds_per_step": _mean(own["step_seconds"]),
        "tasks": _task_figures(measured, arm, tasks),
        "expected_best": _expected_best(own, level),
    }


def mean_interval(resampled: Resampled, arm: int, level: float) -> dict[str, float]:
    """Returns an arm's mean figure over tasks with its interval."""
    mean, draws = resampled.estimate[arm].mean(), resampled.draws[:, arm].mean(1)
    return asdict(percentiles(mean, draws, level))


def _finalists(evidence: ComparisonData, name: str) -> list[dict[str, Any]]:
    return [
        {
            "outer_fold": number,
            "trial": candidate.trial,
            "params": dict(candidate.params),
            "epochs": candidate.epochs,
            "search_score": candidate.search_score,
            "validation_score": float(candidate.validation.mean()) if candidate.is_finite else None,
            "chosen": candidate is fold.best(name),
        }
        for number, fold in enumerate(evidence.outer_folds)
        for candidate in fold.arms[name]
    ]


def _delta_m(skill: Resampled, arm: int, level: float) -> dict[str, float] | None:
    """Returns by how many percent the arm's losses lie below those of tuned single-task networks.

    The mean over tasks (Maninis et al., CVPR 2019). Losses are on a positive scale, unlike skill or
    R2: 1 - skill is the loss over that of the trivial predictor, which cancels.
    """
    if _SINGLE not in skill.arms or skill.arms[arm] == _SINGLE:
        return None
    base = skill.arms.index(_SINGLE)

    def percent(figures: Float64s) -> Float64s:
        share = (1 - figures[..., arm, :]) / (1 - figures[..., base, :])
        return np.asarray(100 * (1 - share).mean(-1))

    return asdict(percentiles(float(percent(skill.estimate)), percent(skill.draws), level))


def _task_figures(measured: MeasuredArms, arm: int, tasks: Sequence[Task]) -> dict[str, Any]:
    """Returns each task's skill with its interval, and the mean of every other metric."""
    skill, level = measured.skill.point, measured.declared.level
    name = skill.arms[arm]
    chosen = [fold.best(name).metrics for fold in measured.evidence.outer_folds]
    found: dict[str, Any] = {}
    for column, task in enumerate(tasks):
        values = {metric: [one[metric][:, column] for one in chosen] for metric in chosen[0]}
        means = {
            metric: float(np.nanmean(own))
            for metric, own in values.items()
            if metric != "skill" and not np.isnan(own).all()
        }
        estimate, draws = skill.estimate[arm, column], skill.draws[:, arm, column]
        found[task.name] = {"skill": asdict(percentiles(estimate, draws, level)), **means}
    return found


def _expected_best(own: pd.DataFrame, level: float) -> list[dict[str, float]]:
    """Returns the validation score expected of the best of n trials, over the outer folds."""
    ended = own[own["state"] != "unfinished"]
    curves = [
        np.stack(expected_best(scores.to_numpy(dtype=float), level))
        for _, scores in ended.groupby("outer_fold")["score"]
    ]
    shortest = min((curve.shape[1] for curve in curves), default=0)
    if not shortest:
        return []
    mean = np.mean([curve[:, :shortest] for curve in curves], axis=0)
    return [
        {"trials": n, "estimate": float(e), "low": float(low), "high": float(high)}
        for n, (e, low, high) in enumerate(mean.T, 1)
    ]


def _mean(values: "pd.Series[float]") -> float | None:
    return None if values.isna().all() else float(values.mean())
