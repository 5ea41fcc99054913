"""Builds the contents of a trial's W&B run: configuration, summary and curves.

The contents are the same when the run is logged again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from study.store.trial_report import TrialReport

__all__ = ["history_rows", "run_config", "run_rows", "run_summary"]


def run_config(
    shared: Mapping[str, Any], number: int, arm: str, outer_fold: int, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns a run's configuration; `shared` is the part that all trials share."""
    return {**shared, "number": number, "arm": arm, "outer_fold": outer_fold, **params}


def run_summary(
    report: Mapping[str, Any], state: str, scores: Mapping[tuple[str, str], float]
) -> dict[str, Any]:
    """Returns a run's summary.

    Args:
        report: the trial's last report.
        state: how the trial ended.
        scores: (metric, task) -> its mean over replicates at the best epoch.
    """
    return {
        "state": state,
        "best/score": report["score"],
        "best/epoch": report["best_epoch"],
        "epochs": report["epoch"],
        "seconds": report["seconds"],
        "seconds_per_step": report["seconds"] / report["steps"],
        "unsolved_steps": report["unsolved"],
        "smallest_cosine": report["smallest_cosine"],
        **{f"best/{metric}/{task}": mean for (metric, task), mean in scores.items()},
        **({"failure": report["failure"]} if report["failure"] else {}),
    }


def run_rows(report: TrialReport, tasks: Sequence[str]) -> Iterator[dict[str, float]]:
    """Yields one row per epoch of a report: the score, and the mean of each curve per task."""
    figures = report["figures"]
    curves = {name: mean.tolist() for name, (mean, _) in figures.curves.items()}
    for place, score in enumerate(figures.epoch_scores.tolist()):
        row = {"epoch": report["first_epoch"] + place, "score": score}
        for name, mean in curves.items():
            row |= {f"{name}/{task}": value for task, value in zip(tasks, mean[place], strict=True)}
        yield row


def history_rows(history: pd.DataFrame) -> Iterator[dict[str, float]]:
    """Yields the same rows from a trial's table of curves."""
    keys = history["metric"] + "/" + history["task"]
    for _, rows in history.assign(key=keys).groupby("epoch"):
        score = rows.loc[rows["metric"] == "skill", "mean"].mean()
        curves = dict(zip(rows["key"], rows["mean"], strict=True))
        yield {"epoch": int(rows["epoch"].iloc[0]), "score": score, **curves}
