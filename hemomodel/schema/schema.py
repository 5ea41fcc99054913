"""The columns and the tasks of a table, as data.

A schema is a YAML file. `builtin/hemodialysis.yaml` is the built-in one; its comments explain each
entry. Another table needs only another such file, and no new code.
"""

from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from hemomodel.errors import InputError
from hemomodel.schema.columns import Column, TaskSpec
from hemomodel.schema.default_features import default_feature_blocks
from hemomodel.schema.entries import Derived, FeatureBlock, Filter, Rule, Subgroup, Task
from hemomodel.schema.entry_bases import Frozen, Titled
from hemomodel.schema.schema_checks import check_schema
from hemomodel.schema.strict_yaml import read_yaml
from hemomodel.schema.validation_message import validation_message

__all__ = [
    "Column",
    "Derived",
    "FeatureBlock",
    "Filter",
    "Rule",
    "Schema",
    "Subgroup",
    "Task",
    "TaskSpec",
    "load_schema",
]

_BUILT_IN = resources.files("hemomodel.schema") / "builtin"


class Schema(Frozen):
    """A table's columns, derived features, rules, filters and feature sets.

    Attributes:
        groups: the plural name of the units of the column of role `group`, such as patients.
        notes: sentences that the reader of a report on this table must know.
        feature_notes: the same for a feature set, by its name.
        columns: in the order of the table.
        subgroups: subgroups of rows that are also scored separately.
        tasks: one per task column, in the same order; the order of every axis T.
        default_features: the default feature set; the first one if not given.
        sections: headings of Table 1: for categories and derived features, for tasks, and for the
            other columns.
        switches: the description of each switch, by its name. A switch turns on the filters and the
            `legacy` formulas that name it; a switch without a description also works.
    """

    name: str
    title: str
    groups: str = "groups"
    notes: tuple[str, ...] = ()
    feature_notes: dict[str, str] = Field(default_factory=dict)
    columns: tuple[Column, ...] = Field(min_length=1)
    derived: tuple[Derived, ...] = ()
    rules: tuple[Rule, ...] = ()
    filters: tuple[Filter, ...] = ()
    feature_sets: dict[str, tuple[FeatureBlock, ...]] = Field(default_factory=dict)
    default_features: str | None = None
    sections: tuple[str, str, str] = ("Categories", "Tasks", "Numbers and context")
    subgroups: tuple[Subgroup, ...] = ()
    switches: dict[str, str] = Field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Schema {self.name!r}: {len(self.columns)} columns, {len(self.tasks)} tasks>"

    @cached_property
    def titles(self) -> dict[str, str]:
        """The titles by English name, of columns and of derived features."""
        return {c.english: c.title for c in self.columns} | {d.name: d.title for d in self.derived}

    @cached_property
    def second_titles(self) -> dict[str, str]:
        """The titles in the second language by English name, of entries that have one."""
        titles = {column.english: self.second_title(column) for column in self.columns}
        titles |= {derived.name: self.second_title(derived) for derived in self.derived}
        return {name: title for name, title in titles.items() if title}

    @property
    def second_language(self) -> str:
        """The first language besides English that an entry has a title in; empty if none has."""
        entries: tuple[Titled, ...] = (*self.columns, *self.derived, *self.subgroups)
        return next((language for entry in entries for language in entry.titles), "")

    def second_title(self, entry: Titled) -> str:
        """Returns the title of an entry in the second language; empty if it has none."""
        return entry.titles.get(self.second_language, "")

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks, in the order of the columns."""
        return tuple(
            Task(
                name=column.english,
                column=column.english,
                title=column.title,
                second_title=self.second_title(column),
                unit=column.unit,
                kind=column.task.kind,
                levels=column.levels,
                meanings=tuple(map(column.meaning, column.levels)),
                transform=column.task.transform,
            )
            for column in self.columns
            if column.task is not None
        )

    @cached_property
    def read(self) -> dict[str, Column]:
        """The columns that are read, by English name: all except the ignored ones."""
        return {column.english: column for column in self.columns if column.role != "ignored"}

    @cached_property
    def blocks_by_set(self) -> dict[str, tuple[FeatureBlock, ...]]:
        """The feature sets by name; if none is declared, one of all features, named `default`."""
        return self.feature_sets or {
            "default": default_feature_blocks([*self.read.values()], self.derived)
        }

    @property
    def feature_switches(self) -> frozenset[str]:
        """The switches that change a derived feature."""
        return frozenset(d.legacy_switch for d in self.derived if d.legacy_switch is not None)

    @property
    def switch_names(self) -> frozenset[str]:
        """The names of all switches."""
        return self.feature_switches | {f.switch for f in self.filters if f.switch is not None}

    def feature_set_name(self, name: str) -> str:
        """Returns the name of a feature set; `default` is replaced by the schema's default."""
        if name != "default" or name in self.blocks_by_set:
            return name
        return self.default_features or next(iter(self.blocks_by_set))

    def columns_with_role(self, role: str) -> tuple[str, ...]:
        """Returns the English names of the columns of one role."""
        return tuple(column.english for column in self.columns if column.role == role)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_schema(self)
        return self


def load_schema(source: str | Path = "hemodialysis") -> Schema:
    """Reads a schema.

    Args:
        source: the name of a built-in schema, or the path of a YAML file.

    Raises:
        InputError: there is no such schema, or it is not valid.
    """
    if Path(source).suffix in (".yaml", ".yml"):
        return _read(Path(source), source)
    return _built_in(str(source))


@cache
def _built_in(name: str) -> Schema:
    path = Path(str(_BUILT_IN / f"{name}.yaml"))
    if "/" in name or not path.is_file():
        raise InputError(f"there is no schema {name!r}; give the path of a .yaml file")
    return _read(path, name)


def _read(path: Path, source: str | Path) -> Schema:
    try:
        return Schema.model_validate(read_yaml(path, "schema"))
    except ValidationError as error:
        message = validation_message(error)
        raise InputError(f"schema {source}: {message}; correct the schema") from error
