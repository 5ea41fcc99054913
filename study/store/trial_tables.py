"""The study's tables: trials, scores, and the curves of every epoch."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from study.store.arms import Arm
from study.store.study_folder import StudyFolder
from study.store.trial_report import TrialReport

__all__ = ["STATES", "TrialTableWriter", "cosine_table", "metric_table", "trials_table"]

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "unfinished",
}


class TrialTableWriter:
    """Collects the reports of trials, and writes the tables of each trial when it ends.

    Attributes:
        tasks: names of the tasks, in the order of the reports.
    """

    def __init__(
        self, folder: StudyFolder, tasks: Sequence[str], pairs: Sequence[tuple[int, int]]
    ) -> None:
        self._folder, self.tasks, self._pairs = folder, list(tasks), list(pairs)
        self._reports: dict[int, dict[int, TrialReport]] = defaultdict(dict)

    def add(self, number: int, report: TrialReport) -> None:
        """Keeps a report until its trial ends.

        If a retry reports the same epochs again, the last report replaces the earlier one.
        """
        self._reports[number][report["first_epoch"]] = report

    def close(self, number: int, report: TrialReport) -> dict[tuple[str, str], float]:
        """Writes the tables of a trial that has ended.

        Returns:
            (metric, task) -> its mean over replicates at the best epoch.
        """
        reports = sorted(self._reports.pop(number).values(), key=lambda report: report["epoch"])
        scores = metric_table(report["figures"].scores, self._pairs, self.tasks)
        curves = _curve_table(reports, self.tasks)
        for table in (scores, curves):
            table.insert(0, "trial", number)
        cosines = _cosine_tables(number, reports, self.tasks)
        tables = {"history": curves, "trial_cosines": cosines, "scores": scores}
        for name, table in tables.items():
            self._folder.write_table(f"parts/{number:05d}.{name}.parquet", table)
        means = scores.groupby(["metric", "task"])["value"].mean()
        return dict(zip(means.index, means.tolist(), strict=True))


def cosine_table(cosines: NDArray[np.float64], tasks: Sequence[str]) -> pd.DataFrame:
    """Returns the upper triangle of a cosine matrix (T, T) in long form: task, other, cosine."""
    rows, columns = np.triu_indices(len(tasks), 1)
    names = np.asarray(tasks, dtype=object)
    return pd.DataFrame(
        {"task": names[rows], "other": names[columns], "cosine": cosines[rows, columns]}
    )


def metric_table(
    metrics: Mapping[str, NDArray[np.floating]],
    pairs: Sequence[tuple[int, int]],
    tasks: Sequence[str],
) -> pd.DataFrame:
    """Returns metrics (R, T) in long form: replicate, task, metric, value, seed, fold."""
    axes = {"metric": list(metrics), "replicate": range(len(pairs)), "task": tasks}
    table = _long(axes, value=np.stack(list(metrics.values()))).dropna(subset="value")
    seed, fold = np.asarray(pairs)[table["replicate"].to_numpy()].T
    columns = ["replicate", "task", "metric", "value"]
    return table[columns].assign(seed=seed, fold=fold)


def _long(axes: Mapping[str, Sequence[Any]], **values: NDArray[np.float64]) -> pd.DataFrame:
    """Returns arrays in long form, one row per element, with their axis labels as columns."""
    grid = np.meshgrid(*axes.values(), indexing="ij")
    labels = {name: labels.ravel() for name, labels in zip(axes, grid, strict=True)}
    return pd.DataFrame(labels | {name: array.ravel() for name, array in values.items()})


def _curve_table(reports: Sequence[TrialReport], tasks: Sequence[str]) -> pd.DataFrame:
    figures = [report["figures"].curves for report in reports]
    names = list(figures[0])
    mean, std = (
        np.stack([np.concatenate([curves[name][i] for curves in figures]) for name in names], -1)
        for i in (0, 1)
    )
    epochs = range(reports[0]["first_epoch"], reports[-1]["epoch"] + 1)
    return _long({"epoch": epochs, "task": tasks, "metric": names}, mean=mean, std=std)


def _cosine_tables(
    number: int, reports: Sequence[TrialReport], tasks: Sequence[str]
) -> pd.DataFrame:
    tables = [cosine_table(report["figures"].cosines, tasks) for report in reports]
    epochs = np.repeat([report["epoch"] for report in reports], len(tables[0]))
    return pd.concat(tables, ignore_index=True).assign(trial=number, epoch=epochs)


def trials_table(arms: Sequence[Arm]) -> pd.DataFrame:
    """Returns one row per trial, by number, read from the Optuna storage."""
    rows = [_trial_row(trial, arm) for arm in arms for trial in arm.trials]
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


def _trial_row(trial: FrozenTrial, arm: Arm) -> dict[str, Any]:
    balancer = trial.params.get("balancer", arm.balancers[0])
    attributes = trial.user_attrs
    return {
        "number": arm.number(trial.number),
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
