"""The comparison of the arms on held-out rows, as data: the content of comparison.json."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hemomodel.schema.entries import Task
from study.analysis.comparison.arms import arm_result, mean_interval
from study.analysis.comparison.differences import baselines, differences
from study.analysis.comparison.measured import measure
from study.analysis.comparison.verdict import held_out_phrase, overall_verdict
from study.analysis.comparison_data import ComparisonData
from study.analysis.statistics.bootstrap import Resampled, resample
from study.analysis.statistics.ranks import critical_difference, friedman, groups, nemenyi
from study.settings.analysis_plan import DEFAULT_PLAN, AnalysisPlan

__all__ = ["compare"]


def compare(
    evidence: ComparisonData,
    tasks: Sequence[Task],
    trials: pd.DataFrame,
    declared: AnalysisPlan = DEFAULT_PLAN,
) -> dict[str, Any]:
    """Returns everything that is said of the arms, ready for JSON.

    Args:
        evidence: each arm's best trials, retrained on fresh seeds; one arm or more can be compared.
        tasks: the T tasks.
        trials: one row a trial.
        declared: how the study is judged.
    """
    measured = measure(evidence, declared)
    found = differences(measured)
    size = {
        "held_out_rows": evidence.rows,
        "unit": evidence.unit,
        "held_out_units": evidence.units,
    }
    return {
        "score": "mean skill over tasks and replicates",
        "level": declared.level,
        "rule": declared.rule,
        "baselines": baselines(evidence.arms, declared),
        **size,
        "training_rows": evidence.training_rows,
        "replicates": len(evidence.seeds),
        "fresh_seeds": sorted({int(seed) for seed in evidence.seeds}),
        "outer_folds": len(evidence.outer_folds),
        "finalists_per_arm": declared.finalists,
        "arms": [arm_result(name, measured, tasks, trials) for name in evidence.arms],
        "missing": [_missing(name, trials) for name in evidence.missing],
        "differences": found,
        "ranks": _ranks(measured.skill.point, declared.level),
        "references": _references(evidence, tasks, declared),
        "verdict": overall_verdict(found, evidence.missing, held_out_phrase(size)),
    }


def _missing(name: str, trials: pd.DataFrame) -> dict[str, Any]:
    own = trials[trials["arm"] == name]
    return {"arm": name, "trials": len(own), "failed": int((own["state"] == "failed").sum())}


def _ranks(skill: Resampled, level: float) -> dict[str, Any] | None:
    """Returns mean ranks over replicates and tasks; None with one arm."""
    if len(skill.arms) < 2:  # noqa: PLR2004 - a rank among two or more
        return None
    blocks = skill.replicates.reshape(len(skill.arms), -1).T
    mean = skill.ranks.mean(1)
    difference = critical_difference(skill.ranks, skill.rank_draws, level)
    return {
        "mean_ranks": dict(zip(skill.arms, map(float, mean), strict=True)),
        "critical_difference": difference,
        "groups": [[skill.arms[arm] for arm in run] for run in groups(mean, difference)],
        "blocks": len(blocks),
        "friedman_p": friedman(blocks),
        "nemenyi": nemenyi(len(skill.arms), len(blocks), level),
    }


def _references(
    evidence: ComparisonData, tasks: Sequence[Task], declared: AnalysisPlan
) -> list[dict[str, Any]]:
    """Returns the skill of the models that are no arms; no search of theirs is drawn."""
    models = evidence.references
    if not models.arms:
        return []
    skill = resample(models, draws=declared.draws)
    return [
        {
            "model": name,
            "score": mean_interval(skill, place, declared.level),
            "tasks": {
                task.name: {"skill": float(value)}
                for task, value in zip(tasks, skill.estimate[place], strict=True)
            },
        }
        for place, name in enumerate(skill.arms)
    ]
