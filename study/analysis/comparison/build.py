"""Builds the comparison of the arms on held-out rows: the content of comparison.json."""

from collections.abc import Sequence

import pandas as pd

from hemomodel.schema.entries import Task
from study.analysis.comparison.arm_result import MissingArm, ReferenceResult, TaskResult
from study.analysis.comparison.arms import arm_result, mean_interval
from study.analysis.comparison.differences import baselines, differences
from study.analysis.comparison.measured import measure
from study.analysis.comparison.result import Comparison, Ranks, held_out_phrase
from study.analysis.comparison.verdict import overall_verdict
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
) -> Comparison:
    """Returns all results about the arms.

    Args:
        evidence: each arm's best trials, retrained on fresh seeds; at least one arm is comparable.
        tasks: the T tasks.
        trials: one row per trial.
        declared: the analysis plan.
    """
    measured = measure(evidence, declared)
    gaps = differences(measured)
    held_out = held_out_phrase(evidence.rows, evidence.unit, evidence.units)
    return Comparison(
        level=declared.level,
        rule=declared.rule,
        baselines=tuple(baselines(evidence.arms, declared)),
        held_out_rows=evidence.rows,
        unit=evidence.unit,
        held_out_units=evidence.units,
        training_rows=evidence.training_rows,
        replicates=len(evidence.seeds),
        fresh_seeds=tuple(sorted({int(seed) for seed in evidence.seeds})),
        outer_folds=len(evidence.outer_folds),
        finalists_per_arm=declared.finalists,
        arms=tuple(arm_result(name, measured, tasks, trials) for name in evidence.arms),
        missing=tuple(_missing(name, trials) for name in evidence.missing),
        differences=gaps,
        ranks=_ranks(measured.skill.point, declared.level),
        references=_references(evidence, tasks, declared),
        verdict=overall_verdict(gaps, evidence.missing, held_out),
    )


def _missing(name: str, trials: pd.DataFrame) -> MissingArm:
    states = trials[trials["arm"] == name]["state"]
    return MissingArm(name=name, trials=len(states), failed=int((states == "failed").sum()))


def _ranks(skill: Resampled, level: float) -> Ranks | None:
    """Returns mean ranks over replicates and tasks; None with one arm."""
    if len(skill.arms) < 2:  # noqa: PLR2004 - ranks need two arms
        return None
    blocks = skill.replicates.reshape(len(skill.arms), -1).T
    mean = skill.ranks.mean(1)
    difference = critical_difference(skill.ranks, skill.rank_draws, level)
    return Ranks(
        mean_ranks=dict(zip(skill.arms, map(float, mean), strict=True)),
        critical_difference=difference,
        groups=tuple(tuple(skill.arms[arm] for arm in run) for run in groups(mean, difference)),
        blocks=len(blocks),
        friedman_p=friedman(blocks),
        nemenyi=nemenyi(len(skill.arms), len(blocks), level),
    )


def _references(
    evidence: ComparisonData, tasks: Sequence[Task], declared: AnalysisPlan
) -> tuple[ReferenceResult, ...]:
    """Returns the skill of the reference models; they have no search to resample."""
    models = evidence.references
    if not models.arms:
        return ()
    skill = resample(models, draws=declared.draws)
    return tuple(
        ReferenceResult(
            name=name,
            score=mean_interval(skill, place, declared.level),
            tasks={
                task.name: TaskResult(float(value))
                for task, value in zip(tasks, skill.estimate[place], strict=True)
            },
        )
        for place, name in enumerate(skill.arms)
    )
