"""The comparison as tidy tables."""

import pandas as pd

from study.analysis.comparison.result import Comparison

__all__ = ["comparison_table", "difference_table", "task_table"]


def comparison_table(comparison: Comparison) -> pd.DataFrame:
    """Returns one row per arm: score, ranks, trials and cost."""
    rows = [
        {
            "arm": arm.name,
            "score": arm.score and arm.score.estimate,
            "score_low": arm.score and arm.score.low,
            "score_high": arm.score and arm.score.high,
            "regret": arm.regret and arm.regret.estimate,
            "mean_rank": arm.mean_rank,
            "worst_task": arm.worst_task and arm.worst_task.task,
            "worst_skill": arm.worst_task and arm.worst_task.skill,
            "delta_m": arm.delta_m and arm.delta_m.estimate,
            "trials": sum(arm.trials.values()),
            "failed": arm.failed,
            "unsolved_steps": arm.unsolved_steps,
            "seconds_per_trial": arm.seconds_per_trial,
            "seconds_per_step": arm.seconds_per_step,
        }
        for arm in comparison.arms
    ]
    return pd.DataFrame(rows)


def difference_table(comparison: Comparison) -> pd.DataFrame:
    """Returns one row per pair of arm and baseline."""
    names = (
        "arm",
        "baseline",
        "estimate",
        "low",
        "high",
        "p_value",
        "p_holm",
        "probability_of_improvement",
        "distinguishable",
        "verdict",
    )
    return pd.DataFrame(
        [[getattr(difference, name) for name in names] for difference in comparison.differences],
        columns=list(names),
    )


def task_table(comparison: Comparison) -> pd.DataFrame:
    """Returns one row per arm, task and metric."""
    rows = [
        {"arm": arm.name, "task": task, "metric": metric, "value": value}
        for arm in comparison.arms
        for task, result in arm.tasks.items()
        for metric, value in {"skill": result.skill_estimate, **result.metrics}.items()
    ]
    return pd.DataFrame(rows)
