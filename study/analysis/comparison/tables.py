"""The comparison as tidy tables."""

from typing import Any

import pandas as pd

__all__ = ["comparison_table", "difference_table", "task_table"]


def comparison_table(comparison: dict[str, Any]) -> pd.DataFrame:
    """Returns one row an arm: score, ranks, trials and cost."""
    rows = [
        {
            "arm": arm["arm"],
            "score": arm["score"]["estimate"],
            "score_low": arm["score"]["low"],
            "score_high": arm["score"]["high"],
            "regret": None if arm["regret"] is None else arm["regret"]["estimate"],
            "mean_rank": arm["mean_rank"],
            "worst_task": arm["worst_task"]["task"],
            "worst_skill": arm["worst_task"]["skill"],
            "delta_m": None if arm["delta_m"] is None else arm["delta_m"]["estimate"],
            "trials": sum(arm["trials"].values()),
            "failed": arm["failed"],
            "unsolved_steps": arm["unsolved_steps"],
            "seconds_per_trial": arm["seconds_per_trial"],
            "seconds_per_step": arm["seconds_per_step"],
        }
        for arm in comparison["arms"]
    ]
    return pd.DataFrame(rows)


def difference_table(comparison: dict[str, Any]) -> pd.DataFrame:
    """Returns one row a pair of arm and baseline."""
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
        [[one[name] for name in names] for one in comparison["differences"]], columns=list(names)
    )


def task_table(comparison: dict[str, Any]) -> pd.DataFrame:
    """Returns one row an arm, task and metric."""
    rows = [
        {"arm": arm["arm"], "task": task, "metric": metric, "value": value}
        for arm in comparison["arms"]
        for task, figures in arm["tasks"].items()
        for metric, value in (
            (name, figure["estimate"] if name == "skill" else figure)
            for name, figure in figures.items()
        )
    ]
    return pd.DataFrame(rows)
