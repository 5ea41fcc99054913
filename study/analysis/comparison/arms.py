"""The figures of one arm: score, cost, tasks, and the expected best score of its search."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hemomodel.arrays import Float64s
from hemomodel.schema.entries import Task
from study.analysis.comparison.arm_result import (
    ArmResult,
    ExpectedBest,
    FinalistResult,
    TaskResult,
    WorstTask,
)
from study.analysis.comparison.measured import MeasuredArms
from study.analysis.comparison_data import ComparisonData
from study.analysis.statistics.bootstrap import Resampled
from study.analysis.statistics.expected_best import expected_best
from study.analysis.statistics.interval import Interval, percentiles

__all__ = ["arm_result", "mean_interval"]

_SINGLE = "single_task"


def arm_result(
    name: str, measured: MeasuredArms, tasks: Sequence[Task], trials: pd.DataFrame
) -> ArmResult:
    """Returns the figures of one arm.

    Args:
        name: of the arm.
        measured: the figures of all arms.
        tasks: the T tasks.
        trials: one row per trial, of all arms.
    """
    skill, regret, level = measured.skill.point, measured.regret, measured.declared.level
    arm = skill.arms.index(name)
    arm_trials = trials[trials["arm"] == name]
    counts = arm_trials["state"].value_counts()
    states = {str(state): int(count) for state, count in counts.items()}
    worst = int(skill.estimate[arm].argmin())
    return ArmResult(
        name=name,
        trials=states,
        failed=states.get("failed", 0),
        unsolved_steps=int(arm_trials["unsolved"].sum()),
        finalists=_finalists(measured.evidence, name),
        score=mean_interval(skill, arm, level),
        regret=None if regret is None else mean_interval(regret.point, arm, level),
        mean_rank=float(skill.ranks[arm].mean()),
        worst_task=WorstTask(tasks[worst].name, float(skill.estimate[arm, worst])),
        delta_m=_delta_m(skill, arm, level),
        seconds_per_trial=_mean(arm_trials["seconds"]),
        seconds_per_step=_mean(arm_trials["step_seconds"]),
        tasks=_task_results(measured, arm, tasks),
        expected_best=_expected_best(arm_trials, level),
    )


def mean_interval(resampled: Resampled, arm: int, level: float) -> Interval:
    """Returns an arm's mean figure over tasks with its interval."""
    return percentiles(resampled.estimate[arm].mean(), resampled.draws[:, arm].mean(1), level)


def _finalists(evidence: ComparisonData, name: str) -> tuple[FinalistResult, ...]:
    return tuple(
        FinalistResult(
            outer_fold=number,
            trial=candidate.trial,
            params=dict(candidate.params),
            epochs=candidate.epochs,
            search_score=candidate.search_score,
            validation_score=float(candidate.validation.mean()) if candidate.is_finite else None,
            chosen=candidate is fold.best(name),
        )
        for number, fold in enumerate(evidence.outer_folds)
        for candidate in fold.arms[name]
    )


def _delta_m(skill: Resampled, arm: int, level: float) -> Interval | None:
    """Returns by how many percent the arm's losses are below those of tuned single-task networks.

    It is the mean over tasks (Maninis et al., CVPR 2019). Losses are on a positive scale, unlike
    skill or R2. 1 - skill is the loss divided by that of the trivial predictor, which cancels.
    """
    if _SINGLE not in skill.arms or skill.arms[arm] == _SINGLE:
        return None
    base = skill.arms.index(_SINGLE)

    def percent(figures: Float64s) -> Float64s:
        share = (1 - figures[..., arm, :]) / (1 - figures[..., base, :])
        return np.asarray(100 * (1 - share).mean(-1))

    return percentiles(float(percent(skill.estimate)), percent(skill.draws), level)


def _task_results(measured: MeasuredArms, arm: int, tasks: Sequence[Task]) -> dict[str, TaskResult]:
    """Returns each task's skill with its interval, and the mean of every other metric."""
    skill, level = measured.skill.point, measured.declared.level
    name = skill.arms[arm]
    metrics = [fold.best(name).metrics for fold in measured.evidence.outer_folds]
    results = {}
    for column, task in enumerate(tasks):
        values = {
            metric: [fold_metrics[metric][:, column] for fold_metrics in metrics]
            for metric in metrics[0]
        }
        means = {
            metric: float(np.nanmean(fold_values))
            for metric, fold_values in values.items()
            if metric != "skill" and not np.isnan(fold_values).all()
        }
        estimate, draws = skill.estimate[arm, column], skill.draws[:, arm, column]
        results[task.name] = TaskResult(percentiles(estimate, draws, level), means)
    return results


def _expected_best(trials: pd.DataFrame, level: float) -> tuple[ExpectedBest, ...]:
    """Returns the expected validation score of the best of n trials, mean over outer folds."""
    ended = trials[trials["state"] != "unfinished"]
    curves = [
        np.stack(expected_best(scores.to_numpy(dtype=float), level))
        for _, scores in ended.groupby("outer_fold")["score"]
    ]
    shortest = min((curve.shape[1] for curve in curves), default=0)
    if not shortest:
        return ()
    mean = np.mean([curve[:, :shortest] for curve in curves], axis=0)
    return tuple(ExpectedBest(n, *map(float, point)) for n, point in enumerate(mean.T, 1))


def _mean(values: "pd.Series[float]") -> float | None:
    return None if values.isna().all() else float(values.mean())
