"""The comparison as typed data, and its form in `comparison.json`.

Fields are in the order of the file's keys. A key that an earlier version did not write has a
default here. A key that is not defined here is ignored.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from study.analysis.comparison.arm_result import ArmResult, MissingArm, ReferenceResult, by_score
from study.analysis.statistics.interval import Interval
from study.analysis.statistics.sample_size import RequiredSample
from study.settings.analysis_plan import DEFAULT_PLAN

__all__ = ["Comparison", "Difference", "Ranks", "from_json", "held_out_phrase", "to_json"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference of mean skill between an arm and a baseline, on the same rows and replicates.

    Attributes:
        arm: its name.
        baseline: the baseline's name.
        estimate: of the difference.
        low: lower end of the simultaneous interval.
        high: upper end of the simultaneous interval.
        p_value: of the corrected resampled t-test.
        p_holm: the same, adjusted for the number of comparisons.
        probability_of_improvement: share of replicates and tasks on which the arm is better.
        regret: difference of regrets; None without an oracle.
        distinguishable: whether the arms are significantly different by the declared rule.
        needed: the study size that would show the declared difference; None if this study is large
            enough.
        verdict: the result in a sentence.
    """

    arm: str
    baseline: str
    estimate: float
    low: float
    high: float
    p_value: float | None = None
    p_holm: float | None = None
    probability_of_improvement: float | None = None
    regret: Interval | None = None
    distinguishable: bool
    needed: RequiredSample | None = None
    verdict: str = ""

    @property
    def interval(self) -> Interval:
        """The estimate with its simultaneous interval."""
        return Interval(self.estimate, self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Mean ranks of the arms over replicates and tasks, and the tests of their differences.

    Attributes:
        mean_ranks: by arm.
        critical_difference: of two mean ranks, by the bootstrap.
        groups: groups of arms, adjacent by rank, that the critical difference does not separate.
        blocks: number of pairs of replicate and task.
        friedman_p: p-value of Friedman's test; None below three arms.
        nemenyi: Nemenyi's critical difference.
    """

    mean_ranks: Mapping[str, float] = field(default_factory=dict)
    critical_difference: float | None = None
    groups: tuple[tuple[str, ...], ...] = ()
    blocks: int | None = None
    friedman_p: float | None = None
    nemenyi: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All results about the arms: the content of `comparison.json`.

    Attributes:
        score: the definition of the score, in words.
        level: of all intervals of differences together, and of every other interval by itself.
        rule: the rule that calls a difference significant.
        baselines: the arms that every arm is compared with.
        held_out_rows: number of rows, over all outer folds.
        unit: what the bootstrap draws, in the plural.
        held_out_units: number of these units.
        training_rows: number of rows that one replicate is trained on.
        replicates: number of replicates of each finalist.
        fresh_seeds: seeds of the replicates.
        outer_folds: one or more.
        finalists_per_arm: the most finalists of an arm.
        arms: the compared arms, in the order of the study.
        missing: the arms that cannot be compared.
        differences: one for each arm and baseline, grouped by baseline.
        ranks: None with one arm.
        references: models that are not arms.
        verdict: of all differences, in words.
    """

    score: str = "mean skill over tasks and replicates"
    level: float = DEFAULT_PLAN.level
    rule: str = ""
    baselines: tuple[str, ...] = ()
    held_out_rows: int | None = None
    unit: str = "rows"
    held_out_units: int | None = None
    training_rows: int | None = None
    replicates: int | None = None
    fresh_seeds: tuple[int, ...] = ()
    outer_folds: int = 1
    finalists_per_arm: int | None = None
    arms: tuple[ArmResult, ...]
    missing: tuple[MissingArm, ...] = ()
    differences: tuple[Difference, ...]
    ranks: Ranks | None = None
    references: tuple[ReferenceResult, ...] = ()
    verdict: str

    @property
    def ranked(self) -> list[ArmResult]:
        """The compared arms, the best score first; those without a score last."""
        return sorted(self.arms, key=by_score)

    @property
    def held_out(self) -> str:
        """The size of the held-out part, in words."""
        return held_out_phrase(self.held_out_rows, self.unit, self.held_out_units)


def held_out_phrase(rows: int | None, unit: str, units: int | None) -> str:
    """Returns the size of the held-out part in words: rows, and groups if the rows have groups.

    >>> held_out_phrase(60, "patients", 20)
    '60 held-out rows of 20 patients'

    Args:
        rows: held-out rows; None if an earlier version did not write them.
        unit: what the bootstrap draws, in the plural.
        units: number of these units.
    """
    phrase = "held-out rows" if rows is None else f"{rows} held-out rows"
    return phrase if unit == "rows" or units is None else f"{phrase} of {units} {unit}"


_FORM = TypeAdapter(Comparison)


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Returns a comparison as plain data, as `comparison.json` holds it."""
    plain: dict[str, Any] = _FORM.dump_python(comparison, by_alias=True)
    return plain


def from_json(plain: Mapping[str, Any]) -> Comparison:
    """Returns the comparison that `to_json`, or an earlier version, wrote.

    Raises:
        pydantic.ValidationError: an entry is missing or has another type.
    """
    # Strict validation does not accept a number as a text. It reads dataclasses only from JSON.
    return _FORM.validate_json(json.dumps(plain), strict=True)
