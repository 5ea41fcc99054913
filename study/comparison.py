"""The comparison of the arms on held-out rows, as data and in words."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from hemomodel.schema import Task
from study.confirm import Confirmed, Finalist
from study.statistics import Interval, Resampled, resample

__all__ = ["compare", "comparison_table", "task_table"]

LEVEL = 0.95


def compare(
    chosen: Sequence[Finalist],
    confirmed: Sequence[Confirmed],
    seeds: Sequence[int],
    tasks: Sequence[Task],
    trials: pd.DataFrame,
) -> dict[str, Any]:
    """Returns everything that is said of the arms, ready for JSON.

    Differences are to `equal`, or to the first arm where that is none. Their intervals hold all at
    once: with m comparisons each is taken at 1 - 0.05 / m (Bonferroni).

    Args:
        chosen: the finalists.
        confirmed: their held-out figures, in the same order.
        seeds: the seed of each replicate.
        tasks: the T tasks.
        trials: one row a trial.
    """
    resampled = resample(
        np.stack([arm.losses for arm in confirmed]), confirmed[0].trivial, np.asarray(seeds)
    )
    names = [finalist.arm for finalist in chosen]
    base = names.index("equal") if "equal" in names else 0
    level = 1 - (1 - LEVEL) / max(1, len(names) - 1)
    arms = []
    for index, (finalist, result) in enumerate(zip(chosen, confirmed, strict=True)):
        own = trials[trials["arm"] == finalist.arm]
        difference = None if index == base else resampled.difference(index, base, level)
        arms.append(
            {
                "arm": finalist.arm,
                "trial": finalist.number,
                "params": dict(finalist.trial.params),
                "epochs": finalist.config.epochs,
                "validation_score": finalist.trial.value,
                "score": asdict(resampled.score(index, LEVEL)),
                "difference": None if difference is None else asdict(difference),
                "distinguishable": difference is not None and difference.excludes_zero,
                "verdict": _verdict(finalist.arm, names[base], difference),
                "tasks": _task_figures(index, result, resampled, tasks),
                "trials": {k: int(v) for k, v in own["state"].value_counts().items()},
                "seconds_per_trial": _mean(own["seconds"]),
            }
        )
    return {
        "score": "mean skill over tasks and replicates",
        "baseline": names[base],
        "level": LEVEL,
        "simultaneous_level": level,
        "held_out_rows": confirmed[0].losses.shape[1],
        "replicates": len(seeds),
        "fresh_seeds": sorted(set(seeds)),
        "arms": arms,
        "verdict": _overall(arms, names[base]),
    }


def _task_figures(
    index: int, result: Confirmed, resampled: Resampled, tasks: Sequence[Task]
) -> dict[str, Any]:
    """Returns each task's skill with its interval, and the mean of every other metric."""
    found: dict[str, Any] = {}
    for column, task in enumerate(tasks):
        means = {
            name: float(values[:, column].mean())
            for name, values in result.metrics.items()
            if name != "skill" and not np.isnan(values[:, column]).all()
        }
        found[task.name] = {"skill": asdict(resampled.skill(index, column, LEVEL)), **means}
    return found


def _mean(values: "pd.Series[float]") -> float | None:
    return None if values.isna().all() else float(values.mean())


def _verdict(arm: str, base: str, difference: Interval | None) -> str:
    """Says what the interval says, of the networks that were found and of no more."""
    if difference is None:
        return f"{arm}: what the others are compared with."
    size = f"{difference.estimate:+.3f}, interval {difference.low:+.3f} to {difference.high:+.3f}"
    if not difference.excludes_zero:
        return f"{arm}: not distinguishable from {base} at this size ({size})."
    word = "better" if difference.estimate > 0 else "worse"
    return f"{arm}: the network found is {word} than that of {base} ({size})."


def _overall(arms: Sequence[dict[str, Any]], base: str) -> str:
    others = [arm for arm in arms if arm["difference"] is not None]
    if not others:
        return "Only one arm was compared."
    told = [arm for arm in others if arm["distinguishable"]]
    if not told:
        return f"No balancer is distinguishable from {base} on these held-out rows."
    better = [arm["arm"] for arm in told if arm["difference"]["estimate"] > 0]
    worse = [arm["arm"] for arm in told if arm["difference"]["estimate"] < 0]
    rest = [arm["arm"] for arm in others if not arm["distinguishable"]]
    parts = {
        f"better than that of {base}": better,
        f"worse than that of {base}": worse,
        f"not distinguishable from that of {base}": rest,
    }
    said = "; ".join(f"{words}: {', '.join(names)}" for words, names in parts.items() if names)
    return f"Of the networks found, on these held-out rows: {said}."


def comparison_table(comparison: dict[str, Any]) -> pd.DataFrame:
    """Returns one row an arm: score, difference, trials and cost."""
    rows = []
    for arm in comparison["arms"]:
        difference = arm["difference"] or {}
        rows.append(
            {
                "arm": arm["arm"],
                "score": arm["score"]["estimate"],
                "score_low": arm["score"]["low"],
                "score_high": arm["score"]["high"],
                "difference": difference.get("estimate"),
                "difference_low": difference.get("low"),
                "difference_high": difference.get("high"),
                "distinguishable": arm["distinguishable"],
                "validation_score": arm["validation_score"],
                "trials": sum(arm["trials"].values()),
                "failed": arm["trials"].get("failed", 0),
                "seconds_per_trial": arm["seconds_per_trial"],
            }
        )
    return pd.DataFrame(rows)


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
