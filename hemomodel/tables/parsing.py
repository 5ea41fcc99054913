"""Cells to values, one parser a kind of column.

Each parser works on the distinct texts of a column, and the result is expanded to its rows, so that
a million rows cost little more than their distinct values. No parser raises an error about a cell:
it returns which cells are bad.
"""

import math
import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from hemomodel.schema.columns import Column

__all__ = ["ParsedColumn", "as_code", "parse_column"]

_MISSING = {"", "nan", "NaN", "NA", "N/A", "#N/A", "<NA>", "NaT", "None", "null", "NULL"}
_YES, _NO = {"yes", "y", "true", "t", "1", "1.0"}, {"no", "n", "false", "f", "0", "0.0"}
_WHOLE = re.compile(r"[0-9]{1,15}(\.0*)?")  # a code that a spreadsheet made a number: `2.0`
_DAY = r"^([0-9]{1,4})[/.-]([0-9]{1,2})[/.-]([0-9]{1,2})(?:[ T][0-9]{1,2}:.*)?$"
_COMPACT = r"^([0-9]{2,4})([0-9]{2})([0-9]{2})(?:\.0*)?$"
_ROC = 1911  # year 1 of the Republic of China is 1912
_LAST_ROC = 199  # above it, a year can only be one of the common era
_LISTED = 10  # codes that an error shows
_EARLIEST = 1850
_LATEST = 2200


_Parsed: TypeAlias = tuple[np.ndarray, np.ndarray, str]  # as ParsedColumn, one row a distinct text


class ParsedColumn(NamedTuple):
    """The values of a column's N cells, and which cells have none.

    Attributes:
        values: (N,) float64, datetime64[D], or str with NaN for missing; of a code list, (N, C)
            1 where the row has the code, else 0, and NaN where it is missing.
        bad: (N,) bool, the cells that are not what the column declares.
        problem: what is wrong, to follow a cell in a sentence; empty if all cells are good. With no
            bad cell, it follows the column, whose cells cannot be read at all.
    """

    values: np.ndarray
    bad: np.ndarray
    problem: str


@dataclass(frozen=True, eq=False)
class _UniqueTexts:
    """texts (U,): the distinct cells; places (N,): which of them is in each row, -1 for none."""

    texts: np.ndarray
    places: np.ndarray

    def expand(self, values: np.ndarray, missing: object) -> np.ndarray:
        """Returns (N, ...) the values (U, ...) of the distinct texts, row by row."""
        last = np.full((1, *values.shape[1:]), missing, dtype=values.dtype)
        expanded: np.ndarray = np.concatenate([values, last])[self.places]
        return expanded


def parse_column(cells: pd.Series, column: Column) -> ParsedColumn:
    """Parses the (N,) cells of a column."""
    if column.kind == "number" and _is_numeric(cells):
        values, bad, problem = _numbers(cells.to_numpy(dtype=np.float64, na_value=np.nan), column)
        return ParsedColumn(values, bad, problem if bad.any() else "")
    try:
        distinct = _distinct(cells)
    except ValueError as error:  # half a character, or a number of thousands of digits
        problem = f"holds a cell that cannot be shown as text ({error})"
        return ParsedColumn(np.full(len(cells), np.nan), np.zeros(len(cells), bool), problem)
    values, bad, problem = _parse_texts(distinct.texts, column)
    missing = np.datetime64("NaT") if values.dtype.kind == "M" else np.nan
    bad = distinct.expand(bad, missing=False)
    return ParsedColumn(distinct.expand(values, missing), bad, problem if bad.any() else "")


def _is_numeric(cells: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(cells) or pd.api.types.is_integer_dtype(cells)


def _distinct(cells: pd.Series) -> _UniqueTexts:
    if cells.dtype == object:  # of any kind, and pandas cannot compare or even ask them all
        cells = pd.Series([str(cell) for cell in cells], dtype="str")
    elif not _is_numeric(cells):
        cells = cells.astype("str")
    places, cell_texts = pd.factorize(cells)
    texts = np.array(
        [str(text).strip() for text in np.asarray(cell_texts, dtype=object)], dtype=object
    )
    absent = np.array([text in _MISSING for text in texts], dtype=bool)
    renumbered = np.append(np.where(absent, -1, np.cumsum(~absent) - 1), -1)
    return _UniqueTexts(texts=texts[~absent], places=renumbered[places])


def _parse_texts(texts: np.ndarray, column: Column) -> _Parsed:
    match column.kind:
        case "number":
            values = np.array([_number(text) for text in texts], dtype=np.float64)
            parsed = _numbers(values, column)
        case "category":
            parsed = _category(texts, column)
        case "flag":
            parsed = _flag(texts)
        case "one_hot":
            parsed = _one_hot(texts, column)
        case "code_list":
            parsed = _code_list(texts, column)
        case "text":
            values = np.array([_whole(text) for text in texts], dtype=object)
            parsed = values, np.zeros(len(texts), dtype=bool), ""
        case _:
            parsed = _days(texts, column)
    return parsed


def _numbers(values: np.ndarray, column: Column) -> _Parsed:
    values = values + 0.0  # a copy, in which no zero is negative
    infinite = np.isinf(values)
    if infinite.any() or not column.codes:
        return values, infinite, "is not a number; mend the cell or leave it empty"
    codes = np.array([float(code) for code in column.codes])
    return values, ~np.isnan(values) & ~np.isin(values, codes), _not_a_code(column)


def _category(texts: np.ndarray, column: Column) -> _Parsed:
    known = {as_code(code): code for code in column.codes}
    codes = np.array([known.get(as_code(text)) for text in texts], dtype=object)
    return codes, np.array([code is None for code in codes], dtype=bool), _not_a_code(column)


def _flag(texts: np.ndarray) -> _Parsed:
    lower = [text.lower() for text in texts]
    values = np.array([1.0 if text in _YES else 0.0 for text in lower])
    unknown = np.array([text not in _YES | _NO for text in lower], dtype=bool)
    problem = (
        "is neither yes nor no (yes, y, true, t, 1; no, n, false, f, 0); mend or empty the cell"
    )
    return values, unknown, problem


def _one_hot(texts: np.ndarray, column: Column) -> _Parsed:
    """Finds the one of several 0/1 columns that is 1; each text holds their cells, in order."""
    codes = np.array([*column.codes, np.nan], dtype=object)
    hits = np.full(len(texts), len(column.codes))
    wrong = np.zeros(len(texts), dtype=bool)
    for place, text in enumerate(texts):
        cells = [cell.strip() for cell in text.split(",")]
        if all(cell in _MISSING for cell in cells):
            continue
        values = [_number(cell) for cell in cells]
        wrong[place] = sorted(values) != [0.0] * (len(codes) - 2) + [1.0]
        hits[place] = values.index(1.0) if not wrong[place] else hits[place]
    return codes[hits], wrong, "is not one 1 among zeros; mend these cells, or empty them all"


def _code_list(texts: np.ndarray, column: Column) -> _Parsed:
    parts = pd.Series(texts, dtype=object).str.split(column.separator).explode()
    owners = parts.index.to_numpy()
    # Few codes make up many texts, so each code is looked up once.
    which, codes = pd.factorize(parts.to_numpy())
    place_of = {code: place for place, code in enumerate(column.codes)}
    filler = len(place_of)
    place_of |= dict.fromkeys(column.filler, filler)  # 0 stands between codes and means nothing
    places = np.array([place_of.get(as_code(part.strip()), -1) for part in codes], dtype=int)[which]
    unknown = np.zeros(len(texts), dtype=bool)
    unknown[owners[places < 0]] = True
    table = np.zeros((len(texts), filler + 1))
    table[owners, places] = 1
    problem = f"holds a code that is not declared ({_listed(list(place_of))}); mend the cell"
    return table[:, :filler], unknown, problem


def _number(text: str) -> float:
    """Returns the number a text stands for, infinity if it stands for none."""
    try:
        value = math.inf if "_" in text else float(text)  # Python alone reads 1_000
    except ValueError:
        return math.inf
    return math.inf if math.isnan(value) else value


def as_code(text: str) -> str:
    """Returns a text as a code is compared: 01, 1.0 and 1 are one."""
    return str(int(float(text))) if _WHOLE.fullmatch(text) else text


def _whole(text: str) -> str:
    """Returns a text without what a spreadsheet added to whole numbers: to some, 007 is not 7."""
    return text.partition(".")[0] if _WHOLE.fullmatch(text) else text


def _not_a_code(column: Column) -> str:
    titled = [
        f"{code} ({title})" if title != code else code for code, title in column.codes.items()
    ]
    known = _listed(titled)
    return f"is not one of the declared codes: {known}; mend or empty the cell"


def _listed(items: list[str]) -> str:
    shown = items if len(items) <= _LISTED else [*items[: _LISTED // 2], "...", items[-1]]
    return ", ".join(shown)


def _days(texts: np.ndarray, column: Column) -> _Parsed:
    pattern = _COMPACT if column.kind == "yyyymmdd" else _DAY
    parts = pd.Series(texts, dtype=object).astype("str").str.extract(pattern)
    years, months, days = parts.fillna("0").to_numpy(dtype=object).astype(np.int64).T
    roc = years <= _LAST_ROC
    if column.kind == "roc_date":
        problem = "is not a date yy/m/d in years of the Republic of China; mend or empty the cell"
        years = np.where(roc & (years > 0), years + _ROC, 0)
    elif column.kind == "date":
        problem = "is not a date yyyy-mm-dd; mend or empty the cell"
    elif column.kind == "ad_date":
        problem = "is not a date yyyy/m/d; mend or empty the cell"
    else:
        problem = "is not a date yyyymmdd; mend or empty the cell"
        years = np.where(roc & (years > 0), years + _ROC, years)
    dates = _calendar(years, months, days)
    return dates, np.isnat(dates), problem


def _calendar(years: np.ndarray, months: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Returns (U,) datetime64[D], not-a-time where there is no such day."""
    first = ((years - 1970) * 12 + months - 1).astype("datetime64[M]")
    date = first.astype("datetime64[D]") + (days - 1)
    real = (years >= _EARLIEST) & (years <= _LATEST) & (months >= 1) & (months <= 12) & (days >= 1)  # noqa: PLR2004
    real &= date.astype("datetime64[M]") == first
    return np.where(real, date, np.datetime64("NaT"))
