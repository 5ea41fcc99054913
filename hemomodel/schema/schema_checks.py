"""Checks between the entries of a schema: names, formulas and feature sets."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hemomodel.schema.columns import Column
from hemomodel.schema.default_features import ENCODED, source_columns
from hemomodel.schema.entries import FeatureBlock
from hemomodel.schema.formula import Columns, Formula

if TYPE_CHECKING:
    from hemomodel.schema.schema import Schema

__all__ = ["check_schema"]


def check_schema(schema: "Schema") -> None:
    """Checks the entries of a schema against each other; each entry is already valid by itself.

    Raises:
        ValueError: a name appears twice or is not declared, or a formula cannot be evaluated.
    """
    _check_names(schema)
    _check_formulas(schema)
    for rule in schema.filters:
        _known(f"filter {rule.name!r}", rule.columns, schema.read)
        if rule.role and not schema.columns_with_role(rule.role):
            raise ValueError(f"filter {rule.name!r}: no column has the role {rule.role!r}")
    _known("`switches`", schema.switches, schema.switch_names)
    _check_feature_sets(schema)
    _once("subgroup", (subgroup.name for subgroup in schema.subgroups))
    for subgroup in schema.subgroups:
        fitting = _numbers(schema) if subgroup.cuts else _with_levels(schema)
        _known(f"subgroup {subgroup.name!r}", [subgroup.column], fitting)


def _check_names(schema: "Schema") -> None:
    written = [set(names) for c in schema.columns for names in c.headers.values()]
    _once("column name", (name for names in written for name in names))
    _once("English name", (c.english for c in schema.columns))
    names = [name for c in schema.read.values() for name in c.table_columns]
    _once("section", schema.sections)
    _once("name in the table", [*names, *(derived.name for derived in schema.derived)])
    if len(schema.columns_with_role("group")) > 1:
        raise ValueError("only one column can have the role 'group'")
    if not schema.tasks:
        raise ValueError("a schema needs at least one column of role 'task'")


def _check_formulas(schema: "Schema") -> None:
    """Evaluates every formula on one made-up row: a formula that fails there always fails."""
    row = {name: _example(c) for c in schema.read.values() for name in c.table_columns}
    for derived in schema.derived:
        where = f"derived feature {derived.name!r}"
        values = [_try(schema, where, formula, row) for formula in derived.formulas]
        row[derived.name] = values[0].astype(np.float64)
    conditions = [
        (f"rule {rule.name!r}", c) for rule in schema.rules for c in (rule.must, rule.when)
    ]
    conditions += [(f"filter {rule.name!r}", rule.drop) for rule in schema.filters]
    for where, condition in conditions:
        if condition is not None and _try(schema, where, condition, row).dtype != np.bool_:
            raise ValueError(f"{where}: {condition.text!r} is not a comparison")


def _try(schema: "Schema", where: str, formula: Formula, row: Columns) -> np.ndarray:
    _known(where, formula.columns, row)
    for name, code in formula.compared:
        column = schema.read.get(name)
        if column is not None and column.kind in ("category", "one_hot"):
            _known(f"{where}, compared with {name!r},", [code], column.codes)
    try:
        value = formula.evaluate(row)
    except (ArithmeticError, TypeError, ValueError) as error:
        texts = [name for name in formula.columns if row[name].dtype == object]
        named = f" (columns of texts: {', '.join(map(repr, texts))})" if texts else ""
        raise ValueError(f"{where}: {error}{named}") from error
    if value.shape != (1,):
        raise ValueError(f"{where}: {formula.text!r} uses no column")
    return value


def _check_feature_sets(schema: "Schema") -> None:
    named = [schema.default_features] if schema.default_features else []
    _known("`default_features`", named, schema.feature_sets)
    if "default" in schema.feature_sets and named not in ([], ["default"]):
        raise ValueError("the feature set 'default' is not the `default_features`; rename it")
    for name, blocks in schema.blocks_by_set.items():
        if not blocks:
            raise ValueError(f"feature set {name!r} is empty; no column has the role 'feature'")
        for block in blocks:
            _check_block(schema, f"feature set {name!r}", block)
        _check_repeated(f"feature set {name!r}", blocks)
    _known("`feature_notes`", schema.feature_notes, schema.feature_sets)


def _check_repeated(where: str, blocks: Sequence[FeatureBlock]) -> None:
    """Checks that no two features of a set have one name: blocks may share columns."""
    marks = (column for block in blocks if block.missing == "mark" for column in block.columns)
    _once(f"{where}: column with `missing: mark`", marks)
    for encode in ("quantile", "piecewise_linear"):
        columns = (name for block in blocks if block.encode == encode for name in block.columns)
        _once(f"{where}: column with `encode: {encode}`", columns)


def _check_block(schema: "Schema", where: str, block: FeatureBlock) -> None:
    known = {
        name: column
        for name, column in schema.read.items()
        if column.role == "feature" and column.kind in ENCODED[block.encode]
    }
    derived = () if block.encode == "one_hot" else [derived.name for derived in schema.derived]
    at = f"{where}, block {block.encode!r}"
    _known(at, block.columns, [*known, *derived])
    columns, tasks = [*schema.read.values()], set(schema.columns_with_role("task"))
    spread = (known[n].table_columns if n in known else (n,) for n in block.columns)
    _once(f"{at}: column", (part for parts in spread for part in parts))
    _once(f"{at}: code", block.codes)
    for name in block.columns:
        if name in derived and source_columns(name, columns, schema.derived) & tasks:
            raise ValueError(f"{where} names {name!r}, which is derived from a task column")
    for name in block.columns if block.codes else ():
        _known(f"{where}, codes of {name!r}", block.codes, known[name].codes)


def _numbers(schema: "Schema") -> list[str]:
    columns = [name for name, column in schema.read.items() if column.kind == "number"]
    return [*columns, *(derived.name for derived in schema.derived)]


def _with_levels(schema: "Schema") -> list[str]:
    kinds = ("category", "one_hot", "flag", "code_list")
    columns = [column for column in schema.read.values() if column.kind in kinds]
    return [name for column in columns for name in column.table_columns]


def _once(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]!r} appears twice")


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
