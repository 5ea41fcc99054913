"""The report's tables as data: what the CSV and LaTeX files hold."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from study.report.formatting import unit_text
from study.report.load import LoadedStudy
from study.report.tables.calibration import calibration_error

__all__ = ["all_frames", "failures", "states"]

_ENDS = ("complete", "pruned", "failed", "unfinished")


def all_frames(study: LoadedStudy, importance: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Returns the tables by name; those that the study has nothing for are left out.

    Args:
        study: to tell of.
        importance: arm, parameter, ped_anova, fanova.
    """
    comparison = study.comparison
    ranks = (comparison.get("ranks") or {}).get("mean_ranks") or {}
    frames = {
        "arms": pd.DataFrame([_arm_row(arm) for arm in study.arms]),
        "differences": pd.DataFrame([_flat(d) for d in comparison["differences"]]),
        "tasks": pd.DataFrame(_task_rows(study)),
        "references": pd.DataFrame([_reference_row(model) for model in study.references]),
        "ranks": pd.DataFrame(sorted(ranks.items(), key=lambda item: item[1]),
                              columns=["arm", "mean_rank"]),
        "finalists": pd.DataFrame(_finalist_rows(study)),
        "expected_best": pd.DataFrame(
            [{"arm": a["arm"], **row} for a in study.arms for row in a.get("expected_best") or []]
        ),
        "trials": states(study).reset_index(),
        "failures": failures(study),
        "importance": importance,
        "attrition": pd.DataFrame((study.attrition or {}).get("steps") or []),
        "table_one": _table_one(study),
    }  # fmt: skip
    if "calibration" in study.tables:
        frames["calibration_error"] = calibration_error(study.tables["calibration"])
    return {name: frame for name, frame in frames.items() if len(frame)}


def states(study: LoadedStudy) -> pd.DataFrame:
    """Returns how the trials of each arm ended: arm -> complete, pruned, failed, ..., seconds."""
    trials = study.trials
    counts = pd.crosstab(trials["arm"], trials["state"])
    counts = counts.reindex(columns=[*_ENDS, *(set(counts) - set(_ENDS))], fill_value=0)
    counts = counts.reindex([*study.names, *study.lost], fill_value=0).rename_axis("arm")
    seconds = trials.groupby("arm")["seconds"].sum()
    return counts.rename_axis(None, axis=1).assign(seconds=seconds)


def failures(study: LoadedStudy) -> pd.DataFrame:
    """Returns each failed trial: number, arm, error, params."""
    failed = study.trials[study.trials["state"] == "failed"]
    return failed[["number", "arm", "error", "params"]].reset_index(drop=True)


def _table_one(study: LoadedStudy) -> pd.DataFrame:
    """Returns the first table, with the columns' titles in the second language, if any."""
    frame = study.tables.get("table_one", pd.DataFrame())
    second = study.schema.second_titles if study.schema else {}
    if frame.empty or not second:
        return frame
    titles = frame["variable"].map(second).fillna("")
    before = frame.columns.get_loc("level")
    return pd.concat(
        [frame.iloc[:, :before], titles.rename("title_zh"), frame.iloc[:, before:]], axis=1
    )


def _arm_row(arm: Mapping[str, Any]) -> dict[str, Any]:
    worst = arm.get("worst_task") or {}
    return {
        "arm": arm["arm"],
        **_interval("score", arm.get("score")),
        **_interval("regret", arm.get("regret")),
        **_interval("delta_m_percent", arm.get("delta_m")),
        "mean_rank": arm.get("mean_rank"),
        "worst_task": worst.get("task"),
        "worst_task_skill": worst.get("skill"),
        **{f"trials_{end}": arm["trials"].get(end, 0) for end in _ENDS},
        "unsolved_steps": arm.get("unsolved_steps"),
        "seconds_per_trial": arm.get("seconds_per_trial"),
        "seconds_per_step": arm.get("seconds_per_step"),
    }


def _interval(name: str, found: Mapping[str, float] | None) -> dict[str, float | None]:
    found = found or {}
    return {
        name: found.get("estimate"),
        f"{name}_low": found.get("low"),
        f"{name}_high": found.get("high"),
    }


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an entry with what it holds of parts spread out: regret_low, needed_rows, ..."""
    row: dict[str, Any] = {}
    for key, value in entry.items():
        if isinstance(value, Mapping):
            row.update({f"{key}_{part}": inner for part, inner in value.items()})
        else:
            row[key] = value
    return row


def _task_rows(study: LoadedStudy) -> list[dict[str, Any]]:
    rows = []
    both = [("arm", study.arms, "arm"), ("reference", study.references, "model")]
    for kind, entries, key in both:
        for entry in entries:
            for name, figures in entry["tasks"].items():
                task = study.task(name)
                common = {"model": entry[key], "kind": kind, "task": name, "title": task.title}
                zh = {"title_zh": task.second_title, "unit": unit_text(task)}
                rows += [{**common, **zh, **row} for row in _metric_rows(figures)]
    return rows


def _metric_rows(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for metric, value in figures.items():
        if isinstance(value, Mapping):
            low, high = value.get("low"), value.get("high")
            rows.append({"metric": metric, "value": value["estimate"], "low": low, "high": high})
        else:
            rows.append({"metric": metric, "value": value, "low": None, "high": None})
    return rows


def _reference_row(model: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": model["model"], **_interval("score", model.get("score"))}


def _finalist_rows(study: LoadedStudy) -> list[dict[str, Any]]:
    rows = []
    for arm in study.arms:
        for finalist in arm.get("finalists") or []:
            params = ", ".join(f"{k}={v}" for k, v in finalist["params"].items())
            rows.append({"arm": arm["arm"], **finalist, "params": params})
    return rows
