"""Logs incomplete W&B runs again, so that each trial has one complete run at the end.

A log is truncated if the driver or W&B's process was killed. Its run is logged again from the
study's tables. If a trial was resumed, the logs of its earlier attempts are removed, because the
last log has all its epochs.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from study.store.study_folder import StudyFolder
from study.tracking.offline_runs import OfflineRun, offline_runs
from study.tracking.tracker import Tracker
from study.tracking.wandb_payload import history_rows, run_config, run_summary

__all__ = ["relog_incomplete_runs", "remove_superseded"]

_TRIES = 3


def relog_incomplete_runs(
    folder: StudyFolder, tracker: Tracker, trials: pd.DataFrame, shared_config: Mapping[str, Any]
) -> None:
    """Logs incomplete runs again, and removes superseded logs.

    It reads every log. Use it only for a study that was resumed or that lost W&B's process.

    Args:
        folder: of the study.
        tracker: of the study, closed.
        trials: the table of trials.
        shared_config: the configuration that all runs share.
    """
    for _ in range(_TRIES):
        tracker.lost = False
        logged = _make_whole(folder, tracker, trials, shared_config)
        if not tracker.lost:  # otherwise W&B's process has failed again
            break
    remove_superseded(offline_runs(folder, strict=False) if logged is None else logged)


def _make_whole(
    folder: StudyFolder, tracker: Tracker, trials: pd.DataFrame, shared_config: Mapping[str, Any]
) -> list[OfflineRun] | None:
    """Logs incomplete runs again; returns all runs if there were none, otherwise None."""
    runs = offline_runs(folder, strict=False)
    whole = {run.name for run in runs if run.ended}
    # Runs that were logged online count as complete: the server has more than the file.
    online = (folder.root / "wandb").glob("run-*/run-*.wandb")
    whole |= {log.stem.removeprefix("run-") for log in online}
    ours = trials["wandb_id"] == [f"{folder.name}-{number}" for number in trials["number"]]
    lost = trials[ours & (trials["state"] != "unfinished") & ~trials["wandb_id"].isin(whole)]
    if not len(lost) and f"{folder.name}-study" in whole:
        return runs
    _log_again(folder, tracker, lost, shared_config)
    if f"{folder.name}-study" not in whole:
        tracker.conclude_again()
    tracker.close(interrupted=False)
    return None


def remove_superseded(runs: list[OfflineRun]) -> None:
    """Removes a run's logs except its last complete one and those that were uploaded."""
    by_name: dict[str, list[OfflineRun]] = defaultdict(list)
    for run in runs:
        by_name[run.name].append(run)
    for logs in by_name.values():
        last = [run for run in logs if run.ended][-1:]
        for run in logs:
            if last and run is not last[0] and not run.marker.exists():
                shutil.rmtree(run.log.parent, ignore_errors=True)


def _log_again(
    folder: StudyFolder, tracker: Tracker, lost: pd.DataFrame, shared_config: Mapping[str, Any]
) -> None:
    tables = dict(_tables(folder, set(lost["number"])))
    for row in lost.to_dict("records"):
        number, params = row["number"], json.loads(row["params"])
        config = run_config(shared_config, number, row["arm"], row["outer_fold"], params)
        tracker.start(number, row["balancer"], config)
        trial_tables = {name: table[table["trial"] == number] for name, table in tables.items()}
        summary: dict[str, Any] = {"state": row["state"]}
        if len(trial_tables["history"]):
            tracker.log(number, history_rows(trial_tables["history"]))
            summary = _summary(row, trial_tables)
        tracker.finish(number, summary, failed=row["state"] == "failed")


def _tables(folder: StudyFolder, numbers: set[int]) -> Iterator[tuple[str, pd.DataFrame]]:
    for name in ("history", "scores", "trial_cosines"):
        path = folder.root / f"{name}.parquet"
        only = [("trial", "in", numbers)]  # row groups of other trials are not read
        empty = pd.DataFrame({"trial": []})
        yield name, pd.read_parquet(path, filters=only) if path.exists() else empty


def _summary(row: Mapping[Any, Any], tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    scores = tables["scores"].groupby(["metric", "task"], as_index=False)["value"].mean()
    cosines = tables["trial_cosines"]
    report = {
        "score": row["score"],
        "best_epoch": row["best_epoch"],
        "epoch": row["epochs"],
        "seconds": row["seconds"],
        "steps": row["steps"],
        "unsolved": row["unsolved"],
        "smallest_cosine": cosines.loc[cosines["epoch"] == row["epochs"], "cosine"].min(),
        "failure": row["error"],
    }
    keys = zip(scores["metric"], scores["task"], strict=True)
    means = dict(zip(keys, scores["value"].tolist(), strict=True))
    return run_summary(report, row["state"], means)
