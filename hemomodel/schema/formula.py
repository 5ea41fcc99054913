"""Formulas of a schema: arithmetic over columns, parsed from text without running code."""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any, TypeAlias, cast

import numpy as np
from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

__all__ = ["Columns", "Formula", "is_missing"]

Columns: TypeAlias = Mapping[str, np.ndarray]
"""(N,) each: numbers, days (datetime64[D]) or texts."""
_Value: TypeAlias = np.ndarray | float | str


def _year(days: np.ndarray) -> np.ndarray:
    years = days.astype("datetime64[Y]")
    return np.where(np.isnat(years), np.nan, years.astype(np.int64) + 1970.0)


def is_missing(values: np.ndarray) -> np.ndarray:
    """Returns (N,) bool: where a value (float, day or text) is missing."""
    absent: np.ndarray = values != values  # noqa: PLR0124 -- true only of NaN and not-a-time
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
_KINDS = {"O": "text", "U": "text", "M": "day"}  # by numpy's kind code; all others are numbers
_DEEPEST = 200  # far below the limit of Python's stack
_SHOWN = 60  # characters of a formula in an error message


@dataclass(frozen=True)
class Formula:
    """A formula, parsed once. In files and in pickles it is stored as its text.

    It supports + - * / ** comparisons, `and`, `or`, `not`, and abs, exp, log, sqrt, year and
    missing. A comparison with a missing value is false, except `!=`, which is true. A text, such
    as a code of a category, is compared only with texts.

    Attributes:
        text: as written.
        columns: the columns that it uses, in order of appearance.
        compared: pairs of a column and the text that it is compared with.

    Raises:
        ValueError: the text cannot be read.
    """

    text: str
    columns: tuple[str, ...] = field(init=False, repr=False, compare=False)
    compared: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)
    _tree: ast.expr = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tree = _parse(self.text)
        object.__setattr__(self, "columns", _columns(tree))
        object.__setattr__(self, "compared", tuple(_comparisons(tree)))
        object.__setattr__(self, "_tree", tree)

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type["Formula"], tuple[str]]:
        return type(self), (self.text,)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            lambda value, as_text: value if isinstance(value, cls) else cls(as_text(value)),
            core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    def evaluate(self, columns: Columns) -> np.ndarray:
        """Returns (N,) the value in every row, NaN if a number is missing.

        Raises:
            ValueError: the formula uses an unsupported element, or compares values of different
                types (text, number, day).
        """
        with np.errstate(all="ignore"):  # a division by zero gives inf: see `derive_column`
            return np.asarray(_value(self._tree, columns))

    def unknown(self, columns: Columns) -> np.ndarray:
        """Returns (N,) bool: the rows in which a column of the formula is missing."""
        absent: np.ndarray = np.logical_or.reduce([is_missing(columns[n]) for n in self.columns])
        return absent


def _parse(text: str) -> ast.expr:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"formula {shown!r} cannot be read: {error}") from error
    depth, level = 0, [cast("ast.AST", tree)]
    while level:
        depth, level = depth + 1, [part for node in level for part in ast.iter_child_nodes(node)]
    if depth > _DEEPEST:
        raise ValueError(f"formula {shown!r} is nested too deeply; define parts of it as `derived`")
    return tree


def _columns(tree: ast.expr) -> tuple[str, ...]:
    every = list(ast.walk(tree))
    called = {id(node.func) for node in every if isinstance(node, ast.Call)}
    nodes = [node for node in every if isinstance(node, ast.Name) and id(node) not in called]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return tuple(dict.fromkeys(node.id for node in nodes))


def _comparisons(tree: ast.expr) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for pair in pairwise([node.left, *node.comparators]):
                match sorted(pair, key=lambda side: isinstance(side, ast.Constant)):
                    case [ast.Name(id=name), ast.Constant(value=str() as text)]:
                        yield name, text


def _value(node: ast.expr, columns: Columns) -> _Value:
    value: _Value
    match node:
        case ast.Constant(value=str() as constant):
            value = constant
        case ast.Constant(value=int() | float() as constant):
            value = np.float64(constant)  # Python's operator raises where this one gives inf
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
            raise ValueError(f"{ast.unparse(node)!r} is not allowed in a formula")
    return value


def _check_sides(shown: str, ops: list[ast.cmpop], kinds: list[str]) -> None:
    if len(set(kinds)) > 1:  # numpy would treat them as unequal in every row, without an error
        a, b, *_ = dict.fromkeys(kinds)
        raise ValueError(
            f"{shown!r} compares a {a} with a {b}; write a code in quotes, such as '1', "
            "and a number without quotes"
        )
    if "text" in kinds and not all(type(op) in _EQUAL for op in ops):
        raise ValueError(f"{shown!r}: texts have no order; use == or !=")


def _kind(value: _Value) -> str:
    return _KINDS.get(np.asarray(value).dtype.kind, "number")


def _comparable(ops: list[ast.cmpop]) -> bool:
    return all(type(op) in _OPERATORS for op in ops)
