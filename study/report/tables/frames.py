"""The report's tables as data frames, for the CSV and LaTeX files."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from study.analysis.comparison.arm_result import ArmResult, TaskResult
from study.analysis.comparison.result import Difference
from study.analysis.statistics.interval import Interval
from study.report.formatting import unit_text
from study.report.load import LoadedStudy
from study.report.tables.calibration import calibration_error

__all__ = ["all_frames", "failures", "states"]

_ENDS = ("complete", "pruned", "failed", "unfinished")


def all_frames(study: LoadedStudy, importance: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Returns the tables by name, without empty ones.

    Args:
        study: the study.
        importance: columns arm, parameter, ped_anova, fanova.
    """
    comparison = study.comparison
    mean_ranks = comparison.ranks.mean_ranks if comparison.ranks else {}
    ranks = sorted(mean_ranks.items(), key=lambda item: item[1])
    frames = {
        "arms": pd.DataFrame([_arm_row(arm) for arm in study.arms]),
        "differences": pd.DataFrame(map(_difference_row, comparison.differences)),
        "tasks": pd.DataFrame(_task_rows(study)),
        "references": pd.DataFrame(
            [{"model": model.name, **_interval("score", model.score)} for model in study.references]
        ),
        "ranks": pd.DataFrame(ranks, columns=["arm", "mean_rank"]),
        "finalists": pd.DataFrame(_finalist_rows(study)),
        "expected_best": pd.DataFrame(
            [{"arm": a.name, **asdict(point)} for a in study.arms for point in a.expected_best]
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
    """Returns the states of the trials: arm -> complete, pruned, failed, ..., seconds."""
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


def _arm_row(arm: ArmResult) -> dict[str, Any]:
    worst = arm.worst_task
    return {
        "arm": arm.name,
        **_interval("score", arm.score),
        **_interval("regret", arm.regret),
        **_interval("delta_m_percent", arm.delta_m),
        "mean_rank": arm.mean_rank,
        "worst_task": worst and worst.task,
        "worst_task_skill": worst and worst.skill,
        **{f"trials_{end}": arm.trials.get(end, 0) for end in _ENDS},
        "unsolved_steps": arm.unsolved_steps,
        "seconds_per_trial": arm.seconds_per_trial,
        "seconds_per_step": arm.seconds_per_step,
    }


def _interval(name: str, value: Interval | None) -> dict[str, float | None]:
    ends = (None, None, None) if value is None else (value.estimate, value.low, value.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))


def _difference_row(difference: Difference) -> dict[str, Any]:
    """Returns a difference with its nested values as columns: regret_low, needed_rows, ..."""
    row: dict[str, Any] = {}
    for key, value in asdict(difference).items():
        if isinstance(value, Mapping):
            row.update({f"{key}_{part}": inner for part, inner in value.items()})
        else:
            row[key] = value
    return row


def _task_rows(study: LoadedStudy) -> list[dict[str, Any]]:
    entries = [("arm", arm.name, arm.tasks) for arm in study.arms]
    entries += [("reference", model.name, model.tasks) for model in study.references]
    rows = []
    for kind, model, results in entries:
        for name, result in results.items():
            task = study.task(name)
            common = {"model": model, "kind": kind, "task": name, "title": task.title}
            zh = {"title_zh": task.second_title, "unit": unit_text(task)}
            rows += [{**common, **zh, **row} for row in _metric_rows(result)]
    return rows


def _metric_rows(result: TaskResult) -> list[dict[str, Any]]:
    """Returns the skill and every other metric; metrics of a reference model sorted by name."""
    skill = result.skill
    rows = [
        {"metric": metric, "value": value, "low": None, "high": None}
        for metric, value in {"skill": result.skill_estimate, **result.metrics}.items()
    ]
    if isinstance(skill, Interval):
        rows[0].update(low=skill.low, high=skill.high)
        return rows
    return sorted(rows, key=lambda row: str(row["metric"]))


def _finalist_rows(study: LoadedStudy) -> list[dict[str, Any]]:
    rows = []
    for arm in study.arms:
        for finalist in arm.finalists:
            params = ", ".join(f"{name}={value}" for name, value in finalist.params.items())
            rows.append({"arm": arm.name, **asdict(finalist), "params": params})
    return rows
