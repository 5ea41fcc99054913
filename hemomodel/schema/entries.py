"""The entries of a schema: columns, derived features, rules, filters and feature blocks."""

from collections.abc import Collection
from typing import Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, field_validator, model_validator

from hemomodel.schema.columns import Column, Level, TaskKind, TaskSpec
from hemomodel.schema.entry_bases import Frozen, Limited, Titled
from hemomodel.schema.formula import Columns, Formula

__all__ = [
    "Column",
    "Derived",
    "FeatureBlock",
    "Filter",
    "Frozen",
    "Labels",
    "Level",
    "Rule",
    "Subgroup",
    "Task",
    "TaskKind",
    "TaskSpec",
]

Labels: TypeAlias = Literal["complete", "partial"]
"""Whether a row must have a label for each task, or may lack some."""


class Derived(Titled, Limited):
    """A feature computed from columns.

    Attributes:
        legacy: a formula that replaces `formula` if the switch is on; limits and rules still apply
            to `formula`.
        switch: turns `legacy` on; `legacy_NAME` if not given.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    unit: str = ""
    formula: Formula
    legacy: Formula | None = None
    switch: str | None = None

    @model_validator(mode="after")
    def _check_switch(self) -> Self:
        if self.switch is not None and self.legacy is None:
            raise ValueError("a derived feature with a `switch` needs a `legacy` formula")
        return self

    @property
    def legacy_switch(self) -> str | None:
        """The switch that turns `legacy` on; None without such a formula."""
        return None if self.legacy is None else self.switch or f"legacy_{self.name}"

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The formula and, if there is one, the legacy formula."""
        return (self.formula,) if self.legacy is None else (self.formula, self.legacy)

    def formula_for(self, switches: Collection[str]) -> Formula:
        """Returns the formula to use if these switches are on."""
        return self.legacy if self.legacy and self.legacy_switch in switches else self.formula


class Rule(Frozen):
    """A condition for every row in which `when` is true and all its columns are known."""

    name: str
    must: Formula
    when: Formula | None = None
    severity: Literal["error", "warning"] = "warning"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule uses; messages name the first one."""
        used = self.must.columns + (self.when.columns if self.when else ())
        return tuple(dict.fromkeys(used))

    def broken(self, columns: Columns) -> np.ndarray:
        """Returns (N,) bool: the rows that break the rule."""
        broken: np.ndarray = ~self.must.evaluate(columns) & ~self.must.unknown(columns)
        if self.when is not None:
            broken &= self.when.evaluate(columns) & ~self.when.unknown(columns)
        return broken


class Filter(Frozen):
    """Removes rows for which a formula is true, or in which columns are missing.

    Attributes:
        drop: a formula over columns and derived features.
        kind: counts the missing values of `columns`, or of all columns of one `role`.
        switch: the filter is off unless this switch is on.
        labels: the filter applies only if rows must have all labels, or only if they may lack some.
    """

    name: str
    drop: Formula | None = None
    kind: Literal["all_missing", "any_missing", "missing_at_least"] | None = None
    columns: tuple[str, ...] = ()
    role: Literal["feature", "task"] | None = None
    threshold: float | None = None
    switch: str | None = None
    labels: Labels | None = None

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        if (self.drop is None) == (self.kind is None):
            raise ValueError("a filter has either a formula `drop` or a `kind`")
        if (bool(self.columns) + bool(self.role)) != (self.kind is not None):
            raise ValueError("a filter with a `kind` has either `columns` or a `role`")
        if (self.kind == "missing_at_least") != (self.threshold is not None):
            raise ValueError("only 'missing_at_least' has a threshold, and it needs one")
        return self


class FeatureBlock(Frozen):
    """Columns and their encoding for the network.

    Attributes:
        codes: of `one_hot`; the codes of the column if not given.
        components: of `pca`, their number.
        bins: of `piecewise_linear`, their number per column.
        missing: `mean` replaces a missing value by the mean of the training rows; `mark` also adds
            a feature per column, which is 1 where the value is missing.
    """

    encode: Literal["one_hot", "standardize", "pca", "quantile", "piecewise_linear"]
    columns: tuple[str, ...] = Field(min_length=1)
    codes: tuple[str, ...] = ()
    components: int = Field(default=0, ge=0)
    bins: int = Field(default=0, ge=0, le=32)
    missing: Literal["mean", "mark"] = "mean"

    @model_validator(mode="after")
    def _check_encoding(self) -> Self:
        if (self.encode == "pca") != bool(self.components):
            raise ValueError("only a block 'pca' has `components`, and it needs them")
        if (self.encode == "piecewise_linear") != bool(self.bins) or self.bins == 1:
            raise ValueError(
                "only a block 'piecewise_linear' has `bins`, and it needs at least two of them"
            )
        if self.codes and self.encode != "one_hot":
            raise ValueError("only a block 'one_hot' has `codes`")
        if self.missing == "mark" and self.encode in ("one_hot", "pca"):
            raise ValueError(f"a block {self.encode!r} cannot have `missing: mark`")
        return self


class Subgroup(Titled):
    """Subgroups of rows that are also scored separately.

    Attributes:
        column: a category, a flag of a code list, a number or a derived feature.
        cuts: of a number, in rising order. Its levels are the intervals between them; a row with
            exactly the value of a cut belongs to the interval above. The levels of a category are
            its codes.
    """

    name: str
    column: str
    cuts: tuple[float, ...] = ()

    @field_validator("cuts")
    @classmethod
    def _check_order(cls, cuts: tuple[float, ...]) -> tuple[float, ...]:
        if list(cuts) != sorted(set(cuts)):
            raise ValueError("cuts must be in rising order, each once")
        return cuts


class Task(Frozen):
    """One setting to predict, as the rest of the project uses it.

    Attributes:
        levels: its classes, in the order of the outputs; none for a value.
        meanings: of the levels, for a reader; of the same length.
        unit: of a value.
        transform: of a value: labels and predictions are `log` of it, or the value itself.
        second_title: in the second language of the schema; empty if it has none.
    """

    name: str
    column: str
    title: str
    kind: TaskKind
    levels: tuple[Level, ...]
    meanings: tuple[str, ...]
    unit: str
    transform: Literal["none", "log"] = "none"
    second_title: str = ""

    @property
    def is_value(self) -> bool:
        """Whether the task predicts a number with one output, not a level."""
        return not self.levels

    @property
    def size(self) -> int:
        """The number of outputs of its head."""
        return len(self.levels) or 1
