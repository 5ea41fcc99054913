"""Parses cells to values, with one parser per kind of column.

Each parser works on the distinct texts of a column, and the result is expanded to its rows. A
million rows therefore cost little more than their distinct values. No parser raises an error about
a cell: it returns which cells are bad.
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
_WHOLE = re.compile(r"[0-9]{1,15}(\.0*)?")  # a code that a spreadsheet changed to a number: `2.0`
_DAY = r"^([0-9]{1,4})[/.-]([0-9]{1,2})[/.-]([0-9]{1,2})(?:[ T][0-9]{1,2}:.*)?$"
_COMPACT = r"^([0-9]{2,4})([0-9]{2})([0-9]{2})(?:\.0*)?$"
_ROC = 1911  # year 1 of the Republic of China is 1912
_LAST_ROC = 199  # a larger year can only be of the common era
_LISTED = 10  # number of codes in an error message
_EARLIEST = 1850
_LATEST = 2200


_Parsed: TypeAlias = tuple[np.ndarray, np.ndarray, str]  # one row per distinct text


class ParsedColumn(NamedTuple):
    """The values of a column's N cells, and the cells that have none.

    Attributes:
        values: (N,) float64, datetime64[D], or str with NaN for missing; of a code list, (N, C)
            1 if the row has the code, otherwise 0; NaN if it is missing.
        bad: (N,) bool, the cells that are not what the column declares.
        problem: what is wrong, as the end of a sentence that begins with a cell; empty if all
            cells are valid. If no cell is bad, the complete column cannot be read, and the
            sentence begins with the column.
    """

    values: np.ndarray
    bad: np.ndarray
    problem: str


@dataclass(frozen=True, eq=False)
class _UniqueTexts:
    """texts (U,): the distinct cells; places (N,): the index of each row's cell, -1 for none."""

    texts: np.ndarray
    places: np.ndarray

    def expand(self, values: np.ndarray, missing: object) -> np.ndarray:
        """Expands the values (U, ...) of the distinct texts to the rows (N, ...)."""
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
    except ValueError as error:  # an incomplete character, or a number with thousands of digits
        problem = f"contains a cell that cannot be shown as text ({error}); correct the cell"
        return ParsedColumn(np.full(len(cells), np.nan), np.zeros(len(cells), bool), problem)
    values, bad, problem = _parse_texts(distinct.texts, column)
    missing = np.datetime64("NaT") if values.dtype.kind == "M" else np.nan
    bad = distinct.expand(bad, missing=False)
    return ParsedColumn(distinct.expand(values, missing), bad, problem if bad.any() else "")


def _is_numeric(cells: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(cells) or pd.api.types.is_integer_dtype(cells)


def _distinct(cells: pd.Series) -> _UniqueTexts:
    if cells.dtype == object:  # of any type: pandas cannot compare them
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
    values = values + 0.0  # a copy without negative zeros
    infinite = np.isinf(values)
    if infinite.any() or not column.codes:
        return values, infinite, "is not a number; correct or clear the cell"
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
        "is neither yes nor no (yes, y, true, t, 1; no, n, false, f, 0); correct or clear the cell"
    )
    return values, unknown, problem


def _one_hot(texts: np.ndarray, column: Column) -> _Parsed:
    """Finds which of several 0/1 columns is 1; each text has their cells, in order."""
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
    return (
        codes[hits],
        wrong,
        "does not have exactly one 1, and 0 in the other columns; correct or clear these cells",
    )


def _code_list(texts: np.ndarray, column: Column) -> _Parsed:
    parts = pd.Series(texts, dtype=object).str.split(column.separator).explode()
    owners = parts.index.to_numpy()
    # Many texts consist of few codes, so each code is looked up once.
    which, codes = pd.factorize(parts.to_numpy())
    place_of = {code: place for place, code in enumerate(column.codes)}
    filler = len(place_of)
    place_of |= dict.fromkeys(column.filler, filler)  # 0 has no meaning
    places = np.array([place_of.get(as_code(part.strip()), -1) for part in codes], dtype=int)[which]
    unknown = np.zeros(len(texts), dtype=bool)
    unknown[owners[places < 0]] = True
    table = np.zeros((len(texts), filler + 1))
    table[owners, places] = 1
    problem = f"contains a code that is not declared ({_listed(list(place_of))}); correct the cell"
    return table[:, :filler], unknown, problem


def _number(text: str) -> float:
    """Returns the number in a text, infinity if it is not a number."""
    try:
        value = math.inf if "_" in text else float(text)  # only Python reads 1_000 as a number
    except ValueError:
        return math.inf
    return math.inf if math.isnan(value) else value


def as_code(text: str) -> str:
    """Returns a text in the form in which codes are compared: 01, 1.0 and 1 are equal."""
    return str(int(float(text))) if _WHOLE.fullmatch(text) else text


def _whole(text: str) -> str:
    """Returns a text without the `.0` of a spreadsheet; leading zeros stay, 007 is not 7."""
    return text.partition(".")[0] if _WHOLE.fullmatch(text) else text


def _not_a_code(column: Column) -> str:
    titled = [
        f"{code} ({title})" if title != code else code for code, title in column.codes.items()
    ]
    known = _listed(titled)
    return f"is not one of the declared codes: {known}; correct or clear the cell"


def _listed(items: list[str]) -> str:
    shown = items if len(items) <= _LISTED else [*items[: _LISTED // 2], "...", items[-1]]
    return ", ".join(shown)


def _days(texts: np.ndarray, column: Column) -> _Parsed:
    pattern = _COMPACT if column.kind == "yyyymmdd" else _DAY
    parts = pd.Series(texts, dtype=object).astype("str").str.extract(pattern)
    years, months, days = parts.fillna("0").to_numpy(dtype=object).astype(np.int64).T
    roc = years <= _LAST_ROC
    if column.kind == "roc_date":
        problem = "is not a date yy/m/d of the Republic of China; correct or clear the cell"
        years = np.where(roc & (years > 0), years + _ROC, 0)
    elif column.kind == "date":
        problem = "is not a date yyyy-mm-dd; correct or clear the cell"
    elif column.kind == "ad_date":
        problem = "is not a date yyyy/m/d; correct or clear the cell"
    else:
        problem = "is not a date yyyymmdd; correct or clear the cell"
        years = np.where(roc & (years > 0), years + _ROC, years)
    dates = _calendar(years, months, days)
    return dates, np.isnat(dates), problem


def _calendar(years: np.ndarray, months: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Returns (U,) datetime64[D], not-a-time if there is no such day."""
    first = ((years - 1970) * 12 + months - 1).astype("datetime64[M]")
    date = first.astype("datetime64[D]") + (days - 1)
    real = (years >= _EARLIEST) & (years <= _LATEST) & (months >= 1) & (months <= 12) & (days >= 1)  # noqa: PLR2004
    real &= date.astype("datetime64[M]") == first
    return np.where(real, date, np.datetime64("NaT"))
