"""The entries of a schema: columns, derived features, rules, filters and feature blocks."""

from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hemomodel import formula

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

Range: TypeAlias = tuple[float, float]
TaskKind: TypeAlias = Literal["binary", "classification", "ordinal", "regression", "count"]
Level: TypeAlias = float | str
"""A number of a number column, a code of a category."""


class Frozen(BaseModel):
    """An entry: it cannot change, and an unknown key in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class TaskSpec(Frozen):
    """What is predicted of a task column.

    Attributes:
        kind: `binary`, `classification` and `ordinal` have levels; `regression` and `count` none.
        levels: of a number column, in rising order; of a category, its codes in their order if
            not given.
        transform: `log` learns and scores the logarithm of a positive value.
    """

    kind: TaskKind
    levels: tuple[Level, ...] = ()
    transform: Literal["none", "log"] = "none"

    @property
    def has_levels(self) -> bool:
        """Whether it is one of several classes that is predicted, and not a number."""
        return self.kind not in ("regression", "count")

    @model_validator(mode="after")
    def _check_levels(self) -> Self:
        if not self.has_levels and self.levels:
            raise ValueError(f"a {self.kind} has no levels")
        if self.transform != "none" and self.kind != "regression":
            raise ValueError("only a regression has a transform")
        numbers = [level for level in self.levels if not isinstance(level, str)]
        if numbers and list(self.levels) != sorted(set(numbers)):
            raise ValueError("levels must be in rising order, each once")
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("levels must stand once each")
        return self


class _Limited(Frozen):
    hard: Range | None = None
    soft: Range | None = None

    @field_validator("hard", "soft")
    @classmethod
    def _check_order(cls, limits: Range | None) -> Range | None:
        if limits is not None and not limits[0] < limits[1]:
            raise ValueError("limits are [low, high] with low below high")
        return limits


class Column(_Limited):
    """One column of the table; `schemas/hemodialysis.yaml` explains the fields."""

    name: str
    english: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    kind: Literal["number", "category", "code_list", "roc_date", "ad_date", "yyyymmdd", "text"]
    role: Literal["id", "group", "feature", "task", "context", "ignored"]
    unit: str = ""
    title_zh: str = ""
    header: str = ""
    aliases: tuple[str, ...] = ()
    optional: bool = False
    codes: dict[str, str] = Field(default_factory=dict)
    flags: str = ""
    separator: str = "-"
    filler: tuple[str, ...] = ()
    percent: bool = False
    task: TaskSpec | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.role == "task") != (self.task is not None):
            raise ValueError("a column of role 'task', and no other, has a `task`")
        if self.kind in ("category", "code_list") and not self.codes:
            raise ValueError(f"a column of kind {self.kind!r} needs `codes`")
        self._check_task()
        if (self.kind == "code_list") != bool(self.flags):
            raise ValueError("a column of kind 'code_list', and no other, has `flags`")
        if self.kind != "number" and (self.hard or self.soft or self.percent):
            raise ValueError("only a column of kind 'number' has limits or `percent`")
        return self

    def _check_task(self) -> None:
        if self.task is None:
            return
        if self.kind not in (("number", "category") if self.task.has_levels else ("number",)):
            raise ValueError(f"a {self.task.kind} is not made of a column of kind {self.kind!r}")
        if not self.task.has_levels:
            return
        if self.kind == "category" and not set(self.task.levels) <= set(self.codes):
            raise ValueError("a level is not among the `codes`")
        if self.kind == "number" and any(isinstance(level, str) for level in self.task.levels):
            raise ValueError("the levels of a number are numbers")
        count = len(self.levels)
        if count < 2 or (self.task.kind == "binary" and count > 2):  # noqa: PLR2004
            at = "two" if self.task.kind == "binary" else "at least two"
            raise ValueError(f"a {self.task.kind} needs {at} levels")

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of a task: those it declares, or the codes of its category."""
        if self.task is None or not self.task.has_levels:
            return ()
        return self.task.levels or (tuple(self.codes) if self.kind == "category" else ())

    @property
    def written(self) -> str:
        """The header as the export writes it, with its unit."""
        return self.header or self.name

    @property
    def table_columns(self) -> tuple[str, ...]:
        """The columns it becomes in `Cohort.table`: itself, or one flag a code."""
        if self.kind == "code_list":
            return tuple(f"{self.flags}_{code}" for code in self.codes)
        return (self.english,)


class Derived(_Limited):
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
