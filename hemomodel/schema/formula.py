"""Formulas of a schema: arithmetic over columns, read from text without running any code in it."""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, reduce
from itertools import pairwise
from typing import Any, TypeAlias, cast

import numpy as np

__all__ = ["Columns", "columns_in", "compared_columns", "evaluate", "is_missing"]

Columns: TypeAlias = Mapping[str, np.ndarray]
"""(N,) each: numbers, days (datetime64[D]) or texts."""
_Value: TypeAlias = np.ndarray | float | str


def _year(days: np.ndarray) -> np.ndarray:
    years = days.astype("datetime64[Y]")
    return np.where(np.isnat(years), np.nan, years.astype(np.int64) + 1970.0)


def is_missing(values: np.ndarray) -> np.ndarray:
    """Returns (N,) bool: where a value (float, day or text) is missing."""
    absent: np.ndarray = values != values  # noqa: PLR0124 -- true of NaN and not-a-time alone
    return absent


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "missing": is_missing,
    "sqrt": np.sqrt,
    "year": _year,
}
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: np.logical_not,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUAL = (ast.Eq, ast.NotEq)
_KINDS = {"O": "text", "U": "text", "M": "day"}  # by numpy's letter; all others are numbers
_DEEPEST = 200  # far from where Python's own stack ends, wherever a formula is evaluated
_SHOWN = 60  # characters of a formula that an error shows


@lru_cache(maxsize=256)
def _tree(formula: str) -> ast.expr:
    shown = formula if len(formula) <= _SHOWN else f"{formula[:_SHOWN]}..."
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"formula {shown!r} cannot be read: {error}") from error
    depth, level = 0, [cast("ast.AST", tree)]
    while level:
        depth, level = depth + 1, [part for node in level for part in ast.iter_child_nodes(node)]
    if depth > _DEEPEST:
        raise ValueError(f"formula {shown!r} is nested too deeply; make `derived` of its parts")
    return tree


def columns_in(formula: str) -> tuple[str, ...]:
    """Returns the columns a formula uses, in order of appearance.

    Raises:
        ValueError: the formula cannot be read.
    """
    every = list(ast.walk(_tree(formula)))
    called = {id(node.func) for node in every if isinstance(node, ast.Call)}
    nodes = [node for node in every if isinstance(node, ast.Name) and id(node) not in called]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return tuple(dict.fromkeys(node.id for node in nodes))


def compared_columns(formula: str) -> Iterator[tuple[str, str]]:
    """Yields the columns that a formula compares with a text, and the text.

    Raises:
        ValueError: the formula cannot be read.
    """
    for node in ast.walk(_tree(formula)):
        if isinstance(node, ast.Compare):
            for pair in pairwise([node.left, *node.comparators]):
                match sorted(pair, key=lambda side: isinstance(side, ast.Constant)):
                    case [ast.Name(id=name), ast.Constant(value=str() as text)]:
                        yield name, text


def evaluate(formula: str, columns: Columns) -> np.ndarray:
    """Returns (N,) the formula's value in every row, NaN where a number is missing.

    Knows + - * / ** comparisons, `and`, `or`, `not`, and abs, exp, log, sqrt, year and missing. A
    comparison with a missing value is false, but `!=`, which is true. A text, as a code of a
    category, is compared with texts alone.

    Raises:
        ValueError: the formula cannot be read, uses something that is not named above, or compares
            a text, a number or a day with another of them.
    """
    with np.errstate(all="ignore"):  # a division by zero gives inf: see `checks.derive`
        return np.asarray(_value(_tree(formula), columns))


def _value(node: ast.expr, columns: Columns) -> _Value:
    value: _Value
    match node:
        case ast.Constant(value=str() as constant):
            value = constant
        case ast.Constant(value=int() | float() as constant):
            value = np.float64(constant)  # Python's own raises where this has inf
        case ast.Name(id=name) if name in columns:
            value = columns[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            value = _OPERATORS[type(op)](_value(operand, columns))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            value = _OPERATORS[type(op)](_value(left, columns), _value(right, columns))
        case ast.BoolOp(op=op, values=values):
            value = reduce(_OPERATORS[type(op)], [_value(side, columns) for side in values])
        case ast.Compare(left=left, ops=ops, comparators=others) if _comparable(ops):
            sides = [_value(side, columns) for side in (left, *others)]
            _check_sides(ast.unparse(node), ops, [_kind(side) for side in sides])
            links = zip(ops, pairwise(sides), strict=True)
            value = reduce(np.logical_and, [_OPERATORS[type(op)](a, b) for op, (a, b) in links])
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _FUNCTIONS:
            value = _FUNCTIONS[name](_value(argument, columns))
        case _:
            raise ValueError(f"{ast.unparse(node)!r} is not something a formula may use")
    return value


def _check_sides(shown: str, ops: list[ast.cmpop], kinds: list[str]) -> None:
    if len(set(kinds)) > 1:  # to numpy they are unequal in every row, and nobody is told
        a, b, *_ = dict.fromkeys(kinds)
        raise ValueError(
            f"{shown!r} compares a {a} with a {b}; write a code in quotes, as '1', "
            "and a number without"
        )
    if "text" in kinds and not all(type(op) in _EQUAL for op in ops):
        raise ValueError(f"{shown!r}: texts have no order; use == or !=")


def _kind(value: _Value) -> str:
    return _KINDS.get(np.asarray(value).dtype.kind, "number")


def _comparable(ops: list[ast.cmpop]) -> bool:
    return all(type(op) in _OPERATORS for op in ops)
