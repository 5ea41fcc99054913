"""What the arms are judged from: the evidence, and the figures resampled from it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from study.analysis.comparison_data import Candidate, Evidence, Floats
from study.analysis.statistics.bootstrap import Resampled, resample
from study.settings.analysis_plan import Declared

__all__ = ["Figure", "Measured", "measure"]


@dataclass(frozen=True)
class Figure:
    """A figure of all arms.

    Attributes:
        whole: resampled over rows, seeds and trials.
        sampling: over rows and seeds alone, with the networks that were found.
    """

    whole: Resampled
    sampling: Resampled


@dataclass(frozen=True)
class Measured:
    """A study's figures.

    Attributes:
        evidence: of the study.
        declared: how it is judged.
        skill: higher is better.
        regret: the expected loss above the oracle's as a share of the trivial predictor's loss;
            lower is better. None where there is no oracle.
    """

    evidence: Evidence
    declared: Declared
    skill: Figure
    regret: Figure | None


def measure(evidence: Evidence, declared: Declared) -> Measured:
    """Resamples the figures of all arms."""
    skill = _figure(evidence, declared, lambda candidate: candidate.losses)
    candidates = [
        candidate
        for fold in evidence.outer_folds
        for name in evidence.arms
        for candidate in fold.usable(name)
    ]
    if any(candidate.regret is None for candidate in candidates):
        return Measured(evidence, declared, skill, None)
    share = _figure(evidence, declared, _regret)
    regret = Figure(_complement(share.whole), _complement(share.sampling))
    return Measured(evidence, declared, skill, regret)


def _figure(evidence: Evidence, declared: Declared, of: Callable[[Candidate], Floats]) -> Figure:
    return Figure(
        resample(evidence, of, draws=declared.draws),
        resample(evidence, of, draws=declared.draws, levels=("rows", "seeds")),
    )


def _complement(resampled: Resampled) -> Resampled:
    return replace(resampled, estimate=1 - resampled.estimate, draws=1 - resampled.draws)


def _regret(candidate: Candidate) -> Floats:
    if candidate.regret is None:
        raise ValueError(f"trial {candidate.trial} has no regret")
    return candidate.regret
