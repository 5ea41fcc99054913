"""Differences of the arms to the baselines: estimates, intervals, tests, and needed sizes."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from hemomodel.arrays import Float64s
from study.analysis.comparison.measured import Estimate, MeasuredArms
from study.analysis.comparison.result import Difference
from study.analysis.comparison.verdict import difference_verdict
from study.analysis.comparison_data import ComparisonData
from study.analysis.statistics.bootstrap import Level, Resampled, resample
from study.analysis.statistics.interval import Interval, simultaneous
from study.analysis.statistics.paired import (
    corrected_resampled_t_test,
    holm,
    probability_of_improvement,
)
from study.analysis.statistics.sample_size import Components, RequiredSample, required_sample
from study.settings.analysis_plan import AnalysisPlan

__all__ = ["baselines", "differences"]

_SPLIT_DRAWS = 1000  # a variance needs fewer than the ends of an interval


def baselines(arms: Sequence[str], declared: AnalysisPlan) -> list[str]:
    """Returns the baselines: the declared ones that are arms, otherwise the first arm."""
    return [name for name in declared.baselines if name in arms] or list(arms[:1])


def differences(measured: MeasuredArms) -> tuple[Difference, ...]:
    """Returns one entry for each arm and baseline; a pair of two baselines appears once.

    The interval of a difference contains the variance from rows and seeds (two-level bootstrap)
    and the variance of the search. The latter is the variance that is added when trials are drawn
    too. It is the mean over all comparisons, because a few finalists give little information about
    one arm.
    """
    evidence, declared = measured.evidence, measured.declared
    pairs = _pairs(evidence.arms, declared)
    if not pairs:
        return ()
    intervals = _intervals(measured.skill, pairs, declared.level)
    regrets = None
    if measured.regret is not None:
        regrets = _intervals(measured.regret, pairs, declared.level)
    p_values = np.asarray([_p_value(evidence, arm, base) for arm, base in pairs])
    adjusted = holm(p_values)
    variances = _components(measured, pairs)
    return tuple(
        _difference(
            measured,
            pair,
            intervals[number],
            None if regrets is None else regrets[number],
            (float(p_values[number]), float(adjusted[number])),
            variances[number],
        )
        for number, pair in enumerate(pairs)
    )


def _difference(
    measured: MeasuredArms,
    pair: tuple[str, str],
    interval: Interval,
    regret: Interval | None,
    p_values: tuple[float, float],
    variance: Components,
) -> Difference:
    """Returns the difference of an arm to a baseline, with p-values before and after Holm."""
    evidence, declared = measured.evidence, measured.declared
    arm, base = pair
    p_value, p_holm = p_values
    called = interval.excludes_zero and p_holm < 1 - declared.level
    needed = None if called else _needed(evidence, interval, variance, declared)
    return Difference(
        arm=arm,
        baseline=base,
        **asdict(interval),
        p_value=p_value,
        p_holm=p_holm,
        probability_of_improvement=_improvement(measured.skill.point, arm, base),
        regret=regret,
        distinguishable=called,
        needed=needed,
        verdict=difference_verdict(
            arm,
            base,
            interval,
            called=called,
            needed=needed,
            declared=declared,
            unit=evidence.unit,
        ),
    )


def _pairs(arms: Sequence[str], declared: AnalysisPlan) -> list[tuple[str, str]]:
    """Returns (arm, baseline), grouped by baseline."""
    chosen = baselines(arms, declared)
    return [
        (arm, base)
        for place, base in enumerate(chosen)
        for arm in arms
        if arm not in chosen[: place + 1]
    ]


def _intervals(figure: Estimate, pairs: Sequence[tuple[str, str]], level: float) -> list[Interval]:
    arms, bases = _places(figure.point, pairs)
    mean = figure.point.estimate.mean(1)
    draws = _draws(figure.draws, pairs)
    return simultaneous(mean[arms] - mean[bases], draws, _luck(figure, pairs), level)


def _luck(figure: Estimate, pairs: Sequence[tuple[str, str]]) -> float:
    """Returns the variance of a difference that drawing trials adds, the mean over all pairs."""
    added = _draws(figure.point, pairs).var(0) - _draws(figure.draws, pairs).var(0)
    return max(float(added.mean()), 0.0)


def _draws(resampled: Resampled, pairs: Sequence[tuple[str, str]]) -> Float64s:
    arms, bases = _places(resampled, pairs)
    mean: Float64s = resampled.draws.mean(2)
    return np.asarray(mean[:, arms] - mean[:, bases])


def _places(resampled: Resampled, pairs: Sequence[tuple[str, str]]) -> tuple[list[int], list[int]]:
    place = {name: number for number, name in enumerate(resampled.arms)}
    return [place[arm] for arm, _ in pairs], [place[base] for _, base in pairs]


def _p_value(evidence: ComparisonData, arm: str, base: str) -> float:
    """Returns the p-value of the differences of mean skill over outer folds and replicates."""
    gaps = []
    for fold in evidence.outer_folds:
        trivial = fold.trivial.sum(1)
        arm_losses, base_losses = (fold.best(name).losses.sum(1) for name in (arm, base))
        gaps.append(((base_losses - arm_losses) / trivial).mean(1))
    test_rows = evidence.rows / len(evidence.outer_folds)
    return corrected_resampled_t_test(np.concatenate(gaps), test_rows / evidence.training_rows)


def _improvement(skill: Resampled, arm: str, base: str) -> float:
    arm_skill, base_skill = (skill.replicates[skill.arms.index(name)] for name in (arm, base))
    return probability_of_improvement(arm_skill, base_skill)


def _components(measured: MeasuredArms, pairs: Sequence[tuple[str, str]]) -> list[Components]:
    """Returns the variance of each difference, split by level."""
    level: Level = "rows"
    rows_alone = resample(measured.evidence, draws=_SPLIT_DRAWS, levels=(level,))
    rows = _draws(rows_alone, pairs).var(0)
    seeds = np.maximum(_draws(measured.skill.draws, pairs).var(0) - rows, 0)
    luck = _luck(measured.skill, pairs)
    return [Components(float(a), float(b), luck) for a, b in zip(rows, seeds, strict=True)]


def _needed(
    evidence: ComparisonData, interval: Interval, variance: Components, declared: AnalysisPlan
) -> RequiredSample | None:
    if not variance.total:
        return None
    return required_sample(
        variance,
        (interval.high - interval.low) / 2 / variance.total**0.5,
        rows=evidence.units,
        seeds=len(np.unique(evidence.seeds)),
        outer_folds=len(evidence.outer_folds),
        difference=declared.difference,
        power=declared.power,
    )
