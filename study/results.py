"""The study's tables: trials, scores, and the curves of every epoch."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from study.folder import Folder
from study.searcher import Arm
from study.trial import Report

__all__ = ["STATES", "TrialTables", "cosine_table", "metric_table", "trials_table"]

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "unfinished",
}


class TrialTables:
    """Gathers what trials report and writes each trial's tables when it ends."""

    def __init__(
        self, folder: Folder, tasks: Sequence[str], pairs: Sequence[tuple[int, int]]
    ) -> None:
        self._folder, self._tasks, self._pairs = folder, list(tasks), list(pairs)
        self._curves: dict[int, dict[int, pd.DataFrame]] = defaultdict(dict)
        self._cosines: dict[int, dict[int, pd.DataFrame]] = defaultdict(dict)

    def add(self, number: int, report: Report) -> pd.DataFrame:
        """Takes a report's curves; returns them in long form.

        An epoch that is reported twice, after a retry, counts once: the last report wins.
        """
        table = _curve_table(number, report, self._tasks)
        self._curves[number][report["first_epoch"]] = table
        self._cosines[number][report["epoch"]] = cosine_table(
            report["figures"].cosines, self._tasks
        ).assign(trial=number, epoch=report["epoch"])
        return table

    def close(self, number: int, report: Report) -> dict[tuple[str, str], float]:
        """Writes the tables of a trial that has ended.

        Returns:
            (metric, task) -> its mean over replicates at the best epoch.
        """
        curves = pd.concat(self._curves.pop(number).values())
        curves = curves.drop_duplicates(["epoch", "task", "metric"], keep="last")
        self._folder.write_table(f"parts/{number:05d}.history.parquet", curves)
        cosines = pd.concat(self._cosines.pop(number).values())
        self._folder.write_table(f"parts/{number:05d}.trial_cosines.parquet", cosines)
        scores = _score_table(number, report["figures"].scores, self._tasks, self._pairs)
        self._folder.write_table(f"parts/{number:05d}.scores.parquet", scores)
        means = scores.groupby(["metric", "task"], as_index=False)["value"].mean()
        keys = zip(means["metric"], means["task"], strict=True)
        return dict(zip(keys, means["value"].tolist(), strict=True))


def cosine_table(cosines: NDArray[np.float64], tasks: Sequence[str]) -> pd.DataFrame:
    """Returns the upper triangle of a cosine matrix (T, T) in long form: task, other, cosine."""
    rows, columns = np.triu_indices(len(tasks), 1)
    names = np.asarray(tasks, dtype=object)
    return pd.DataFrame(
        {"task": names[rows], "other": names[columns], "cosine": cosines[rows, columns]}
    )


def metric_table(
    metrics: Mapping[str, NDArray[np.float64]],
    pairs: Sequence[tuple[int, int]],
    tasks: Sequence[str],
) -> pd.DataFrame:
    """Returns metrics (R, T) in long form: replicate, task, metric, value, seed, fold."""
    index = pd.MultiIndex.from_product([range(len(pairs)), tasks], names=["replicate", "task"])
    parts = [
        index.to_frame(index=False).assign(metric=name, value=values.ravel())
        for name, values in metrics.items()
    ]
    table = pd.concat(parts).dropna(subset="value")
    seed, fold = np.asarray(pairs)[table["replicate"].to_numpy()].T
    return table.assign(seed=seed, fold=fold)


def _curve_table(number: int, report: Report, tasks: list[str]) -> pd.DataFrame:
    epochs = np.arange(report["first_epoch"], report["epoch"] + 1)
    curves = report["figures"].curves
    names = list(curves)
    mean, std = (np.stack([curves[name][i] for name in names], axis=-1) for i in (0, 1))
    index = pd.MultiIndex.from_product([epochs, tasks, names], names=["epoch", "task", "metric"])
    table = index.to_frame(index=False).assign(mean=mean.ravel(), std=std.ravel())
    table.insert(0, "trial", number)
    return table


def _score_table(
    number: int, scores: dict[str, Any], tasks: list[str], pairs: list[tuple[int, int]]
) -> pd.DataFrame:
    table = metric_table(scores, pairs, tasks)
    table.insert(0, "trial", number)
    return table


def trials_table(arms: Sequence[Arm]) -> pd.DataFrame:
    """Returns one row a trial, by number, read from the Optuna storage."""
    rows = [_trial_row(trial, arm, len(arms)) for arm in arms for trial in arm.trials]
    columns = list(_COLUMNS)
    table = pd.DataFrame(rows, columns=columns).sort_values("number", ignore_index=True)
    return table.astype(_COLUMNS)


_COLUMNS = {
    "number": "int64",
    "arm": "str",
    "balancer": "str",
    "state": "str",
    "params": "str",
    "score": "float64",
    "best_epoch": "Int64",
    "epochs": "Int64",
    "seconds": "float64",
    "steps": "Int64",
    "step_seconds": "float64",
    "residual": "float64",
    "unsolved": "Int64",
    "outer_fold": "int64",
    "wandb_id": "str",
    "error": "str",
}


def _trial_row(trial: FrozenTrial, arm: Arm, arms: int) -> dict[str, Any]:
    number = trial.number * arms + arm.index
    balancer = trial.params.get("balancer", arm.balancers[0])
    attributes = trial.user_attrs
    return {
        "number": number,
        "arm": arm.name,
        "balancer": balancer,
        "state": STATES[trial.state],
        "params": json.dumps({"balancer": balancer, **trial.params}, sort_keys=True),
        "score": np.nan if trial.value is None else trial.value,
        "best_epoch": attributes.get("best_epoch"),
        "epochs": attributes.get("epochs"),
        "seconds": attributes.get("seconds"),
        "steps": attributes.get("steps"),
        "step_seconds": attributes["seconds"] / attributes["steps"]
        if "steps" in attributes
        else None,
        "residual": attributes.get("residual"),
        "unsolved": attributes.get("unsolved", 0),
        "outer_fold": arm.outer_fold,
        "wandb_id": attributes.get("wandb_id", ""),
        "error": attributes.get("failure", ""),
    }
