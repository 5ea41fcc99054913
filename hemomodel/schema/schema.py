"""The columns and the tasks of a table, as data.

A schema is a YAML file: `builtin/hemodialysis.yaml` is the built-in one, and its comments explain
each entry. Another table is another such file, with no new code.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from hemomodel.errors import InputError
from hemomodel.schema import formula
from hemomodel.schema.columns import Column, Frozen, TaskSpec, Titled
from hemomodel.schema.default_features import ENCODED, default_feature_blocks, source_columns
from hemomodel.schema.entries import Derived, FeatureBlock, Filter, Rule, Subgroup, Task
from hemomodel.schema.strict_yaml import read_yaml

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
        groups: what the rows of one value of the column of role `group` are called, in the plural.
        notes: what a reader of a report on this table must know, in sentences.
        feature_notes: the same of a feature set, by its name.
        columns: in the order of the table.
        subgroups: kinds of rows that are also scored apart.
        tasks: one a task column, in the same order; the order of every axis T.
        default_features: the feature set of whoever names none; the first, if not given.
        sections: headings of the first table of a paper: over categories and derived features,
            over tasks, and over what else there is.
        switches: what each switch does, by its name. A switch turns on the filters and the `legacy`
            formulas that name it; one that is not described here works too.
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
        """The titles in the second language by English name, of what has one."""
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
        """What is to be predicted, in the order of the columns."""
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
        """The columns that are read, by English name: all but the ignored ones."""
        return {column.english: column for column in self.columns if column.role != "ignored"}

    @cached_property
    def blocks_by_set(self) -> dict[str, tuple[FeatureBlock, ...]]:
        """The feature sets by name; without any, one of all features, called `default`."""
        return self.feature_sets or {
            "default": default_feature_blocks([*self.read.values()], self.derived)
        }

    @property
    def feature_switches(self) -> frozenset[str]:
        """The switches that change a derived feature."""
        return frozenset(d.legacy_switch for d in self.derived if d.legacy_switch is not None)

    @property
    def switch_names(self) -> frozenset[str]:
        """The switches that there are."""
        return self.feature_switches | {f.switch for f in self.filters if f.switch is not None}

    def feature_set_name(self, name: str) -> str:
        """Returns the name of a feature set, where `default` stands for what the schema says."""
        if name != "default" or name in self.blocks_by_set:
            return name
        return self.default_features or next(iter(self.blocks_by_set))

    def columns_with_role(self, role: str) -> tuple[str, ...]:
        """Returns the English names of the columns of one role."""
        return tuple(column.english for column in self.columns if column.role == role)

    @model_validator(mode="after")
    def _check(self) -> Self:
        written = [set(names) for c in self.columns for names in c.headers.values()]
        _once("column name", (name for names in written for name in names))
        _once("English name", (c.english for c in self.columns))
        names = [name for c in self.read.values() for name in c.table_columns]
        _once("section", self.sections)
        _once("name in the table", [*names, *(derived.name for derived in self.derived)])
        if len(self.columns_with_role("group")) > 1:
            raise ValueError("only one column can have the role 'group'")
        if not self.tasks:
            raise ValueError("a schema needs at least one column of role 'task'")
        self._check_formulas()
        for rule in self.filters:
            _known(f"filter {rule.name!r}", rule.columns, self.read)
            if rule.role and not self.columns_with_role(rule.role):
                raise ValueError(f"filter {rule.name!r}: no column has the role {rule.role!r}")
        _known("`switches`", self.switches, self.switch_names)
        named = [self.default_features] if self.default_features else []
        _known("`default_features`", named, self.feature_sets)
        if "default" in self.feature_sets and named not in ([], ["default"]):
            raise ValueError("the feature set 'default' is not the `default_features`; rename it")
        for name, blocks in self.blocks_by_set.items():
            if not blocks:
                raise ValueError(f"feature set {name!r} is empty; no column has the role 'feature'")
            for block in blocks:
                self._check_block(f"feature set {name!r}", block)
        _known("`feature_notes`", self.feature_notes, self.feature_sets)
        _once("subgroup", (one.name for one in self.subgroups))
        for one in self.subgroups:
            fitting = self._numbers() if one.cuts else self._levelled()
            _known(f"subgroup {one.name!r}", [one.column], fitting)
        return self

    def _numbers(self) -> list[str]:
        columns = [name for name, column in self.read.items() if column.kind == "number"]
        return [*columns, *(derived.name for derived in self.derived)]

    def _levelled(self) -> list[str]:
        kinds = ("category", "one_hot", "flag", "code_list")
        columns = [column for column in self.read.values() if column.kind in kinds]
        return [name for column in columns for name in column.table_columns]

    def _check_formulas(self) -> None:
        """Evaluates every formula on one made-up row: what fails there fails everywhere."""
        row = {name: _example(c) for c in self.read.values() for name in c.table_columns}
        for derived in self.derived:
            texts = [text for text in (derived.formula, derived.legacy) if text is not None]
            values = [self._try(f"derived feature {derived.name!r}", text, row) for text in texts]
            row[derived.name] = values[0].astype(np.float64)
        conditions = [(f"rule {r.name!r}", text) for r in self.rules for text in (r.must, r.when)]
        conditions += [(f"filter {r.name!r}", r.drop) for r in self.filters]
        for where, text in conditions:
            if text is not None and self._try(where, text, row).dtype != np.bool_:
                raise ValueError(f"{where}: {text!r} is not a comparison")

    def _try(self, where: str, text: str, row: formula.Columns) -> np.ndarray:
        _known(where, formula.columns_in(text), row)
        for name, code in formula.compared_columns(text):
            column = self.read.get(name)
            if column is not None and column.kind in ("category", "one_hot"):
                _known(f"{where}, compared with {name!r},", [code], column.codes)
        try:
            value = formula.evaluate(text, row)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise ValueError(f"{where}: {error}") from error
        if value.shape != (1,):
            raise ValueError(f"{where}: {text!r} uses no column")
        return value

    def _check_block(self, where: str, block: FeatureBlock) -> None:
        known = {
            name: column
            for name, column in self.read.items()
            if column.role == "feature" and column.kind in ENCODED[block.encode]
        }
        derived = () if block.encode == "one_hot" else [derived.name for derived in self.derived]
        _known(f"{where}, block {block.encode!r}", block.columns, [*known, *derived])
        columns, tasks = [*self.read.values()], set(self.columns_with_role("task"))
        parts = (known[n].table_columns if n in known else (n,) for n in block.columns)
        _once(f"{where}, block {block.encode!r}: column", (part for own in parts for part in own))
        _once(f"{where}, block {block.encode!r}: code", block.codes)
        for name in block.columns:
            if name in derived and source_columns(name, columns, self.derived) & tasks:
                raise ValueError(f"{where} names {name!r}, which is made of what is predicted")
        for name in block.columns if block.codes else ():
            _known(f"{where}, codes of {name!r}", block.codes, known[name].codes)


def _once(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]!r} stands twice")


def _known(where: str, names: Iterable[str], known: Iterable[str]) -> None:
    unknown = [name for name in names if name not in set(known)]
    if unknown:
        raise ValueError(f"{where} names {unknown[0]!r}, which is not declared or does not fit")


def _example(column: Column) -> np.ndarray:
    if column.kind in ("number", "flag", "code_list"):
        return np.ones(1)
    if column.kind in ("category", "one_hot", "text"):
        return np.array(["1"], dtype=object)
    return np.array(["2000-01-01"], dtype="datetime64[D]")


def load_schema(source: str | Path = "hemodialysis") -> Schema:
    """Reads a schema.

    Args:
        source: the name of a built-in schema, or the path of a YAML file.

    Raises:
        InputError: there is no such schema, or it is not a valid one.
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
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        at = f" at {where}" if where else ""
        raise InputError(f"schema {source}{at}: {first['msg']}; mend the schema") from error
