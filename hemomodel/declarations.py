"""The entries of a schema: columns, derived features, rules, filters and feature blocks."""

from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hemomodel import formula

__all__ = ["Column", "Derived", "FeatureBlock", "Filter", "Frozen", "Rule", "Task", "TaskSpec"]

Range: TypeAlias = tuple[float, float]


class Frozen(BaseModel):
    """An entry: it cannot change, and an unknown key in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class TaskSpec(Frozen):
    """What is predicted of a task column; a regression has no levels."""

    kind: Literal["classification", "regression"]
    levels: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _check_levels(self) -> Self:
        if self.kind == "regression" and self.levels:
            raise ValueError("a regression has no levels")
        if self.kind == "classification" and not self.levels[1:]:
            raise ValueError("a classification needs at least two levels")
        if list(self.levels) != sorted(set(self.levels)):
            raise ValueError("levels must be in rising order, each once")
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
    role: Literal["id", "feature", "task", "context", "ignored"]
    unit: str = ""
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
        if self.task is not None and self.kind != "number":
            raise ValueError("a task column is of kind 'number'")
        if self.kind in ("category", "code_list") and not self.codes:
            raise ValueError(f"a column of kind {self.kind!r} needs `codes`")
        if (self.kind == "code_list") != bool(self.flags):
            raise ValueError("a column of kind 'code_list', and no other, has `flags`")
        if self.kind != "number" and (self.hard or self.soft or self.percent):
            raise ValueError("only a column of kind 'number' has limits or `percent`")
        return self

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
    """One thing to predict, as the rest of the project sees it."""

    name: str
    column: str
    title: str
    title_zh: str
    kind: Literal["classification", "regression"]
    levels: tuple[float, ...]
    unit: str

    @property
    def size(self) -> int:
        """The number of outputs of its head."""
        return len(self.levels) if self.kind == "classification" else 1
