"""The entries of a schema: columns, derived features, rules, filters and feature blocks."""

from typing import Literal, Self

from pydantic import Field, model_validator

from hemomodel import formula
from hemomodel.columns import Column, Frozen, Level, Limited, TaskKind, TaskSpec

__all__ = [
    "Column",
    "Derived",
    "FeatureBlock",
    "Filter",
    "Frozen",
    "Level",
    "Rule",
    "Task",
    "TaskKind",
    "TaskSpec",
]


class Derived(Limited):
    """A feature computed from columns; `legacy` is another formula, used on demand."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    unit: str = ""
    formula: str
    legacy: str | None = None


class Rule(Frozen):
    """What must hold in every row where `when` holds and all columns named are known."""

    name: str
    must: str
    when: str | None = None
    severity: Literal["error", "warning"] = "warning"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the rule speaks of; the first is the one to blame."""
        used = formula.names(self.must) + (formula.names(self.when) if self.when else ())
        return tuple(dict.fromkeys(used))


class Filter(Frozen):
    """Which rows to remove; it looks at `columns`, or at all columns of one `role`."""

    name: str
    kind: Literal["all_missing", "any_missing", "missing_at_least", "at_most"]
    columns: tuple[str, ...] = ()
    role: Literal["feature", "task"] | None = None
    threshold: float | None = None
    switch: str | None = None

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        if bool(self.columns) == bool(self.role):
            raise ValueError("a filter has `columns` or a `role`, one of the two")
        if (self.kind in ("missing_at_least", "at_most")) != (self.threshold is not None):
            raise ValueError("'missing_at_least' and 'at_most', and no others, have a threshold")
        if self.kind == "at_most" and len(self.columns) != 1:
            raise ValueError("a filter 'at_most' looks at one column")
        return self


class FeatureBlock(Frozen):
    """A few columns and how a network sees them."""

    encode: Literal["one_hot", "standardize", "pca"]
    columns: tuple[str, ...] = Field(min_length=1)
    codes: tuple[str, ...] = ()
    components: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check_encoding(self) -> Self:
        if (self.encode == "pca") != bool(self.components):
            raise ValueError("a block 'pca', and no other, has `components`")
        if self.codes and self.encode != "one_hot":
            raise ValueError("only a block 'one_hot' has `codes`")
        return self


class Task(Frozen):
    """One thing to predict, as the rest of the project sees it.

    Attributes:
        levels: what its classes are, in the order of the outputs; none for a value.
        meanings: of the levels, as a person reads them; of the same length.
        unit: of a value.
        transform: of a value: labels and predictions are `log` of it, or the value itself.
    """

    name: str
    column: str
    title: str
    title_zh: str
    kind: TaskKind
    levels: tuple[Level, ...]
    meanings: tuple[str, ...]
    unit: str
    transform: Literal["none", "log"] = "none"

    @property
    def is_value(self) -> bool:
        """Whether it is a number, with a single output, and not a choice among levels."""
        return not self.levels

    @property
    def size(self) -> int:
        """The number of outputs of its head."""
        return len(self.levels) or 1
