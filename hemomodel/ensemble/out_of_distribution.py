"""Finds patients that are out of distribution, and gives the reasons."""

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
"""Maps row numbers to the reason for each row."""
_SHARE = 0.999  # of the development rows: their share with a distance inside the domain
_SHOWN = 3  # reasons per row
_ROUNDING = 1 + 1e-5  # tolerance for single precision


@dataclass(frozen=True, eq=False)
class TrainingDomain:
    """The training domain: ranges and distances of the development rows.

    Attributes:
        low, high: (Q,), range of the quantities; 0 for a quantity that was always missing.
        seen: (C,), whether a code occurred.
        max_missing: the largest number of missing features in a row.
        location: (M,), mean of the standardised numbers.
        precision: (M, M), inverse of their shrunk covariance (Ledoit & Wolf, 2004). Flags are not
            included, because a rare flag would have more weight than all numbers.
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
    """Returns the training domain.

    Args:
        schema: of the table.
        design: of the networks.
        table: the development rows, on which the networks were fitted.
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
        seen=np.asarray(matrix[:, 2 * count : design.encoded_start].any(axis=0)),
        max_missing=int(absent.max()),
        location=location,
        precision=precision,
        distance_limit=0.0,
    )
    distance = domain.distance(numbers)
    limit = float(np.quantile(distance, _SHARE, method="higher"))
    return replace(domain, distance_limit=limit)


def _middle(numbers: Floats) -> tuple[Floats, Floats]:
    """Returns location (M,) and precision (M, M) of numbers (N, M); M may be 0."""
    if not numbers.shape[1]:
        return np.zeros(0), np.zeros((0, 0))
    model = LedoitWolf().fit(numbers)
    return model.location_, model.precision_


def numeric_positions(schema: Schema, design: DesignMatrix) -> list[int]:
    """Returns the positions of quantities that are numbers, not flags or codes of a list."""
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
    """Returns the number of missing features per row (N,); a list of codes is one feature."""
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
    """Returns the reasons why a row (N,) is out of distribution; "" if it is not.

    Args:
        schema: of the table.
        design: of the networks.
        domain: the training domain.
        table: N rows, as in a cohort.
        matrix: (N, P), the design matrix of these rows.
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
    """Returns the rows (N,) that each test finds, and its reasons."""
    tests = [_range(schema, table, domain, *item) for item in enumerate(design.quantities)]
    count = len(design.quantities)
    for place, (name, code) in enumerate(design.codes):
        if not domain.seen[place]:
            column = schema.read[name]
            text = f"{column.title} {column.codes[code]!r} occurs in no development row"
            tests.append((matrix[:, 2 * count + place] > 0, _constant(text)))
    absent = missing_features(schema, design, table, matrix)
    fewer = f"features are missing, at most {domain.max_missing} in the development rows"
    far = domain.distance(matrix[:, numeric_positions(schema, design)])
    nearer = (
        "from the mean of the development rows, "
        f"at most {domain.distance_limit:.1f} for {_SHARE:.1%} of them"
    )
    return [
        *tests,
        (absent > domain.max_missing, lambda rows: [f"{n} {fewer}" for n in absent[rows]]),
        (
            far > domain.distance_limit * _ROUNDING,
            lambda rows: [f"an unusual combination: distance {d:.1f} {nearer}" for d in far[rows]],
        ),
    ]


def _range(
    schema: Schema, table: pd.DataFrame, domain: TrainingDomain, place: int, name: str
) -> tuple[NDArray[np.bool_], Makes]:
    value = table[name].to_numpy(dtype=np.float64)
    low, high = domain.low[place], domain.high[place]
    title, unit, is_flag = _named(schema, name)
    if is_flag:
        state = "occurs in no development row" if not high else "occurs in every development row"
        return (value < low) | (value > high), _constant(f"{title} {state}")
    end = f" is outside {low:g} to {high:g}"
    return (value < low) | (value > high), lambda rows: [
        f"{title} {v:g}{unit}{end}" for v in value[rows]
    ]


def _constant(text: str) -> Makes:
    return lambda rows: [text] * len(rows)


def _named(schema: Schema, name: str) -> tuple[str, str, bool]:
    """Returns title and unit of a quantity, and whether it is a code of a list."""
    for column in schema.read.values():
        if name in column.table_columns and column.codes and column.kind == "code_list":
            code = list(column.codes)[column.table_columns.index(name)]
            return f"{column.title}: {column.codes[code]}", "", True
        if name == column.english:
            return column.title, f" {column.unit}" if column.unit else "", False
    derived = next(entry for entry in schema.derived if entry.name == name)
    return derived.title, f" {derived.unit}" if derived.unit else "", False
