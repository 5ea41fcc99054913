"""The filters of a cohort, and the number of rows that each removed (attrition)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from hemomodel.schema.entries import Filter, Labels
from hemomodel.schema.formula import Columns
from hemomodel.schema.schema import Schema

__all__ = ["Attrition", "Step", "apply_filters"]


@dataclass(frozen=True)
class Step:
    """One filter: the number of rows that it removed, and the number left."""

    rule: str
    removed: int
    left: int


@dataclass(frozen=True)
class Attrition:
    """The number of rows at the start and after each filter, in order."""

    start: int
    steps: tuple[Step, ...]

    @property
    def kept(self) -> int:
        """The number of rows left at the end."""
        return self.steps[-1].left if self.steps else self.start

    def __str__(self) -> str:
        counts = [self.start, *(step.left for step in self.steps)]
        width = len(str(self.start))
        lines = [f"{step.removed:>{width}} removed: {step.rule}" for step in self.steps]
        return "\n".join([" -> ".join(map(str, counts)), *lines])

    def to_dict(self) -> dict[str, object]:
        """Returns the counts as plain data, for JSON."""
        steps = [{"rule": s.rule, "removed": s.removed, "left": s.left} for s in self.steps]
        return {"start": self.start, "steps": steps, "kept": self.kept}


def apply_filters(
    schema: Schema,
    missing: Mapping[str, np.ndarray],
    values: Columns,
    *,
    switches: Collection[str] = (),
    labels: Labels = "complete",
) -> tuple[np.ndarray, Attrition]:
    """Applies the filters of a schema, in order.

    Args:
        schema: the filters.
        missing: (N,) bool, for every column that is read.
        values: (N,) for every column that a formula of a filter uses.
        switches: the switches that are on.
        labels: filters of the other mode are not applied.

    Returns:
        (N,) bool, the rows that are left; and the counts.
    """
    left = np.ones(len(next(iter(missing.values()))), dtype=bool)
    start, steps = len(left), []
    for rule in schema.filters:
        if rule.switch not in (None, *switches) or rule.labels not in (None, labels):
            continue
        before = int(left.sum())
        left &= ~_hit(rule, schema, missing, values)
        after = int(left.sum())
        steps.append(Step(rule.name, before - after, after))
    return left, Attrition(start, tuple(steps))


def _hit(
    rule: Filter, schema: Schema, missing: Mapping[str, np.ndarray], values: Columns
) -> np.ndarray:
    if rule.drop is not None:
        return rule.drop.evaluate(values)
    names = rule.columns or schema.columns_with_role(str(rule.role))
    count: np.ndarray = np.sum([missing[name] for name in names], axis=0)
    least = {"all_missing": len(names), "any_missing": 1, "missing_at_least": rule.threshold}
    hit: np.ndarray = count >= least[str(rule.kind)]
    return hit
