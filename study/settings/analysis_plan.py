"""The analysis plan of a study, recorded before its first trial."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "DEFAULT_PLAN", "EXPORTED_REFERENCES", "RULES", "AnalysisPlan", "analysis_plan",
    "recorded_rules",
]  # fmt: skip

# A change of what a study computes (initialisation, search space, splits, score or verdict) raises
# this number. The sentences of `AnalysisPlan` may change without it.
RULES = 3
EXPORTED_REFERENCES = {"linear": "regularised_linear", "forest": "forest"}
"""The reference models that are exported: the name of the model folder -> the name of the model."""
# The first records have no number. They are recognised by these sentences: never change them.
_RULE_1 = {
    "selection": (
        "of an arm's best trials by search score, retrained on fresh seeds, the one with the best "
        "mean skill on the fresh seeds' validation rows"
    ),
    "rule": (
        "a difference is called if its simultaneous interval (bootstrap over held-out rows and "
        "seeds, widened by the luck of the search) excludes zero and the corrected resampled "
        "t-test, adjusted by Holm over all comparisons, rejects at 1 - level"
    ),
}


@dataclass(frozen=True)
class AnalysisPlan:
    """The comparison's settings.

    Attributes:
        level: of all intervals of differences together, and of every other interval by itself.
        draws: number of bootstrap samples.
        baselines: what every arm is compared with, if they are arms; otherwise the first arm.
        finalists: how many of an arm's best trials are retrained on fresh seeds.
        difference: the smallest relevant difference of mean skill; needed sizes are given for it.
        power: the probability to detect this difference.
        selection: the rule that chooses the winner of an arm.
        rule: the rule that calls a difference significant.
    """

    level: float = 0.95
    draws: int = 4000
    baselines: tuple[str, ...] = ("equal", "fixed", "single_task")
    finalists: int = 3
    difference: float = 0.02
    power: float = 0.8
    selection: str = (
        "each arm's best trials by search score are retrained on fresh seeds; the one with the "
        "best mean skill on the fresh seeds' validation rows is the winner"
    )
    rule: str = (
        "an arm is significantly different from a baseline if the simultaneous interval of the "
        "difference (bootstrap over held-out rows and seeds, widened by the variance of the "
        "search) excludes zero and the corrected resampled t-test, adjusted by Holm over all "
        "comparisons, rejects at 1 - level"
    )


DEFAULT_PLAN = AnalysisPlan()


def analysis_plan(finalists: int = DEFAULT_PLAN.finalists) -> dict[str, Any]:
    """Returns the settings and the number of the rules as plain data, for the study's record."""
    return {
        "rules": RULES,
        **asdict(DEFAULT_PLAN),
        "baselines": list(DEFAULT_PLAN.baselines),
        "finalists": finalists,
    }


def recorded_rules(declared: Any) -> int | None:
    """Returns the number of the rules that a study was started under, or None if it is unknown.

    Args:
        declared: the entry of this name in the study's record.
    """
    if not isinstance(declared, dict):
        return None
    if "rules" in declared:
        number = declared["rules"]
        return number if type(number) is int else None
    return 1 if {key: declared.get(key) for key in _RULE_1} == _RULE_1 else None
