"""The evidence of a study, and the figures of all arms that are resampled from it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hemomodel.arrays import Float64s
from study.analysis.comparison_data import ComparisonData, FinalistScores
from study.analysis.statistics.bootstrap import Resampled, resample
from study.settings.analysis_plan import AnalysisPlan

__all__ = ["Estimate", "MeasuredArms", "measure"]


@dataclass(frozen=True)
class Estimate:
    """A figure of all arms.

    Attributes:
        point: resampled over rows, seeds and trials.
        draws: resampled only over rows and seeds, with the networks of the study.
    """

    point: Resampled
    draws: Resampled


@dataclass(frozen=True)
class MeasuredArms:
    """A study's figures.

    Attributes:
        evidence: of the study.
        declared: the analysis plan.
        skill: higher is better.
        regret: the expected loss above the oracle's as a share of the trivial predictor's loss;
            lower is better. None without an oracle.
    """

    evidence: ComparisonData
    declared: AnalysisPlan
    skill: Estimate
    regret: Estimate | None


def measure(evidence: ComparisonData, declared: AnalysisPlan) -> MeasuredArms:
    """Resamples the figures of all arms."""
    skill = _figure(evidence, declared, lambda candidate: candidate.losses)
    candidates = [
        candidate
        for fold in evidence.outer_folds
        for name in evidence.arms
        for candidate in fold.usable(name)
    ]
    if any(candidate.regret is None for candidate in candidates):
        return MeasuredArms(evidence, declared, skill, None)
    share = _figure(evidence, declared, _regret)
    regret = Estimate(_complement(share.point), _complement(share.draws))
    return MeasuredArms(evidence, declared, skill, regret)


def _figure(
    evidence: ComparisonData, declared: AnalysisPlan, of: Callable[[FinalistScores], Float64s]
) -> Estimate:
    return Estimate(
        resample(evidence, of, draws=declared.draws),
        resample(evidence, of, draws=declared.draws, levels=("rows", "seeds")),
    )


def _complement(resampled: Resampled) -> Resampled:
    return replace(resampled, estimate=1 - resampled.estimate, draws=1 - resampled.draws)


def _regret(candidate: FinalistScores) -> Float64s:
    if candidate.regret is None:
        raise ValueError(f"trial {candidate.trial} has no regret")
    return candidate.regret
