"""How a study will be judged, written down before its first trial."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["DEFAULT_PLAN", "RULES", "AnalysisPlan", "analysis_plan", "recorded_rules"]

# Every change that alters what a study computes raises this number: of the initialisation, the
# search space, the splits, the score or the verdict. The sentences below may change without it.
RULES = 1
# The first records have no number. They are known by these sentences, which never change.
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
        level: of all intervals of differences together, and of any other interval alone.
        draws: of the bootstrap.
        baselines: what every arm is compared with, where they are arms; else the first arm.
        finalists: how many of an arm's best trials are retrained on fresh seeds.
        difference: of mean skill that is worth seeing; sizes needed are given for it.
        power: chance to see it.
        selection: the rule that chooses an arm's network.
        rule: the rule that calls a difference.
    """

    level: float = 0.95
    draws: int = 4000
    baselines: tuple[str, ...] = ("equal", "fixed", "single_task")
    finalists: int = 3
    difference: float = 0.02
    power: float = 0.8
    selection: str = _RULE_1["selection"]
    rule: str = _RULE_1["rule"]


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
    """Returns the number of the rules that a study was begun under, or None if it is unknown.

    Args:
        declared: of the study's record.
    """
    if not isinstance(declared, dict):
        return None
    if "rules" in declared:
        number = declared["rules"]
        return number if type(number) is int else None
    return 1 if {key: declared.get(key) for key in _RULE_1} == _RULE_1 else None
