"""What the arms are judged from: the evidence, and the figures resampled from it."""

from dataclasses import dataclass, replace

from study.evidence import Candidate, Evidence, Floats
from study.statistics import Declared, Resampled, resample

__all__ = ["Measured", "measure"]


@dataclass(frozen=True)
class Measured:
    """A study's figures.

    Attributes:
        evidence: of the study.
        declared: how it is judged.
        skill: of each arm; higher is better.
        regret: likewise, the expected loss above the oracle's as a share of the trivial
            predictor's loss; lower is better. None where there is no oracle.
    """

    evidence: Evidence
    declared: Declared
    skill: Resampled
    regret: Resampled | None


def measure(evidence: Evidence, declared: Declared) -> Measured:
    """Resamples the figures of all arms."""
    skill = resample(evidence, draws=declared.draws)
    candidates = [
        candidate
        for fold in evidence.outer_folds
        for name in evidence.arms
        for candidate in fold.usable(name)
    ]
    if any(candidate.regret is None for candidate in candidates):
        return Measured(evidence, declared, skill, None)
    share = resample(evidence, _regret, draws=declared.draws)
    regret = replace(share, estimate=1 - share.estimate, draws=1 - share.draws)
    return Measured(evidence, declared, skill, regret)


def _regret(candidate: Candidate) -> Floats:
    if candidate.regret is None:
        raise ValueError(f"trial {candidate.trial} has no regret")
    return candidate.regret
