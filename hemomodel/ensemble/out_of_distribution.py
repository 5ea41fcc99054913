"""Patients unlike those that the networks were fitted on, and what is unlike in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from hemomodel.arrays import Floats
from hemomodel.dataset.design_matrix import DesignMatrix
from hemomodel.schema.schema import Schema

__all__ = ["TrainingDomain", "fit_domain", "novelty_reasons"]

Makes: TypeAlias = Callable[[NDArray[np.int64]], Sequence[str]]
"""Row numbers to what is unlike in each."""
_SHARE = 0.999  # of the fitted rows, whose distance is within the domain
_SHOWN = 3  # reasons a row
_ROUNDING = 1 + 1e-5  # a row that was fitted is not beyond itself in single precision


@dataclass(frozen=True, eq=False)
class TrainingDomain:
    """What the fitted rows were like.

    Attributes:
        low, high: (Q,), of the quantities; 0 for one that was never known.
        seen: (C,), whether a code occurred.
        max_missing: features missing in a row at most.
        location: (M,), of the standardised numbers.
        precision: (M, M), inverse of their covariance, shrunk (Ledoit & Wolf, 2004). Flags have no
            part in it: one that is rare would outweigh all numbers.
        distance_limit: the Mahalanobis distance that 99.9% of the rows do not exceed.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    seen: NDArray[np.bool_]
    max_missing: int
    location: NDArray[np.floating]
    precision: NDArray[np.floating]
    distance_limit: float

    def distance(self, numbers: Floats) -> Floats:
        """Returns the Mahalanobis distance (N,) of standardised numbers (N, M)."""
        offset = numbers - self.location.astype(numbers.dtype)
        square = (offset @ self.precision.astype(numbers.dtype) * offset).sum(1)
        distance: Floats = np.sqrt(np.maximum(square, 0))
        return distance


def fit_domain(schema: Schema, design: DesignMatrix, table: pd.DataFrame) -> TrainingDomain:
    """Returns what the fitted rows were like.

    Args:
        schema: of the table.
        design: of the networks.
        table: the rows that they were fitted on.
    """
    count = len(design.quantities)
    matrix = design.matrix(table, np.float64)
    raw = table[list(design.quantities)]
    numbers = matrix[:, numeric_positions(schema, design)]
    location, precision = _middle(numbers)
    absent = missing_features(schema, design, table, matrix)
    domain = TrainingDomain(
        low=raw.min().fillna(0).to_numpy(dtype=float),
        high=raw.max().fillna(0).to_numpy(dtype=float),
        seen=np.asarray(matrix[:, 2 * count :].any(axis=0)),
        max_missing=int(absent.max()),
        location=location,
        precision=precision,
        distance_limit=0.0,
    )
    distance = domain.distance(numbers)
    limit = float(np.quantile(distance, _SHARE, method="higher"))
    return replace(domain, distance_limit=limit)


def _middle(numbers: Floats) -> tuple[Floats, Floats]:
    """Returns location (M,) and precision (M, M) of numbers (N, M), of which there may be none."""
    if not numbers.shape[1]:
        return np.zeros(0), np.zeros((0, 0))
    model = LedoitWolf().fit(numbers)
    return model.location_, model.precision_


def numeric_positions(schema: Schema, design: DesignMatrix) -> list[int]:
    """Returns which quantities are numbers, and not flags or codes of a list."""
    flags = {
        name
        for column in schema.read.values()
        if column.kind != "number"
        for name in column.table_columns
    }
    return [place for place, name in enumerate(design.quantities) if name not in flags]


def missing_features(
    schema: Schema, design: DesignMatrix, table: pd.DataFrame, matrix: Floats
) -> NDArray[np.int64]:
    """Returns how many features (N,) a row lacks; a list of codes is one."""
    flags = {name for column in schema.read.values() for name in column.table_columns[1:]}
    count = len(design.quantities)
    counted = [count + i for i, name in enumerate(design.quantities) if name not in flags]
    absent: NDArray[np.int64] = matrix[:, counted].sum(1).astype(np.int64)
    for name in dict.fromkeys(name for name, _ in design.codes):
        absent += table[name].isna().to_numpy()
    return absent


def novelty_reasons(
    schema: Schema,
    design: DesignMatrix,
    domain: TrainingDomain,
    table: pd.DataFrame,
    matrix: Floats,
) -> NDArray[np.object_]:
    """Returns why a row (N,) lies outside what the networks were fitted on; "" if it does not.

    Args:
        schema: of the table.
        design: of the networks.
        domain: what the fitted rows were like.
        table: N rows, as in a cohort.
        matrix: (N, P), the design's of them.
    """
    text = np.full(len(table), "", dtype=object)
    counts = np.zeros(len(table), dtype=np.int64)
    for bad, make in _tests(schema, design, domain, table, matrix):
        rows = np.flatnonzero(bad)
        shown = rows[counts[rows] < _SHOWN]
        if len(shown):
            joint = np.where(counts[shown] > 0, "; ", "").astype(object)
            text[shown] += joint + np.array(make(shown), dtype=object)
        counts[rows] += 1
    for row in np.flatnonzero(counts > _SHOWN):
        text[row] += f"; and {counts[row] - _SHOWN} more"
    return text


def _tests(
    schema: Schema,
    design: DesignMatrix,
    domain: TrainingDomain,
    table: pd.DataFrame,
    matrix: Floats,
) -> list[tuple[NDArray[np.bool_], Makes]]:
    """Returns which rows (N,) each test finds, and how it says so."""
    tests = [_range(schema, table, domain, *item) for item in enumerate(design.quantities)]
    count = len(design.quantities)
    for place, (name, code) in enumerate(design.codes):
        if not domain.seen[place]:
            column = schema.read[name]
            text = f"{column.title} {column.codes[code]!r} is in no fitted row"
            tests.append((matrix[:, 2 * count + place] > 0, _constant(text)))
    absent = missing_features(schema, design, table, matrix)
    fewer = f"features are missing, at most {domain.max_missing} in the fitted rows"
    far = domain.distance(matrix[:, numeric_positions(schema, design)])
    nearer = f"from their middle, at most {domain.distance_limit:.1f} in the fitted rows"
    return [
        *tests,
        (absent > domain.max_missing, lambda rows: [f"{n} {fewer}" for n in absent[rows]]),
        (
            far > domain.distance_limit * _ROUNDING,
            lambda rows: [f"an unusual combination: {d:.1f} {nearer}" for d in far[rows]],
        ),
    ]


def _range(
    schema: Schema, table: pd.DataFrame, domain: TrainingDomain, place: int, name: str
) -> tuple[NDArray[np.bool_], Makes]:
    value = table[name].to_numpy(dtype=np.float64)
    low, high = domain.low[place], domain.high[place]
    title, unit, is_flag = _named(schema, name)
    if is_flag:
        state = "is in no fitted row" if not high else "is in every fitted row"
        return (value < low) | (value > high), _constant(f"{title} {state}")
    end = f" is outside {low:g} to {high:g}"
    return (value < low) | (value > high), lambda rows: [
        f"{title} {v:g}{unit}{end}" for v in value[rows]
    ]


def _constant(text: str) -> Makes:
    return lambda rows: [text] * len(rows)


def _named(schema: Schema, name: str) -> tuple[str, str, bool]:
    """Returns title and unit of a quantity, and whether it is one code of a list."""
    for column in schema.read.values():
        if name in column.table_columns and column.codes and column.kind == "code_list":
            code = list(column.codes)[column.table_columns.index(name)]
            return f"{column.title}: {column.codes[code]}", "", True
        if name == column.english:
            return column.title, f" {column.unit}" if column.unit else "", False
    derived = next(entry for entry in schema.derived if entry.name == name)
    return derived.title, f" {derived.unit}" if derived.unit else "", False
