"""Cells to values, one parser a kind of column.

Each parser works on the distinct texts of a column and spreads the result over its rows, so that a
million rows cost little more than their distinct values.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemomodel.errors import InputError
from hemomodel.schema.columns import Column
from hemomodel.tables.sheet import Sheet

__all__ = ["as_code", "parse_column", "parse_flag_lists"]

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


@dataclass(frozen=True, eq=False)
class _UniqueTexts:
    """texts (U,): the distinct cells; places (N,): which of them is in each row, -1 for none."""

    texts: np.ndarray
    places: np.ndarray

    def expand(self, values: np.ndarray, missing: object) -> np.ndarray:
        """Returns (N, ...) the values (U, ...) of the distinct texts, row by row."""
        last = np.full((1, *values.shape[1:]), missing, dtype=values.dtype)
        spread: np.ndarray = np.concatenate([values, last])[self.places]
        return spread


def parse_column(sheet: Sheet, column: Column) -> np.ndarray:
    """Returns (N,) the values of a column: float64, datetime64[D], or str with NaN for missing.

    Of a code list, the texts; `flags` gives the codes.

    Raises:
        InputError: a cell is not of the column's kind, or its code is not declared.
    """
    if column.kind == "number":
        return _numbers(sheet, column)
    distinct = _distinct(sheet, column)
    match column.kind:
        case "category":
            return _category(sheet, column, distinct)
        case "flag":
            return _flag(sheet, column, distinct)
        case "one_hot":
            return _one_hot(sheet, column, distinct)
        case "text" | "code_list":
            texts = np.array([_whole(text) for text in distinct.texts], dtype=object)
            return distinct.expand(texts, missing=np.nan)
    return _days(sheet, column, distinct)


def parse_flag_lists(sheet: Sheet, column: Column) -> np.ndarray:
    """Returns (N, C) 1 where a row's code list has the code, else 0; NaN where it is missing.

    Raises:
        InputError: a code is not declared.
    """
    distinct = _distinct(sheet, column)
    parts = pd.Series(distinct.texts, dtype=object).str.split(column.separator).explode()
    owners = parts.index.to_numpy()
    # Few codes make up many texts, so each code is looked up once.
    which, codes = pd.factorize(parts.to_numpy())
    place_of = {code: place for place, code in enumerate(column.codes)}
    filler = len(place_of)
    place_of |= dict.fromkeys(column.filler, filler)  # 0 stands between codes and means nothing
    places = np.array([place_of.get(as_code(part.strip()), -1) for part in codes], dtype=int)[which]
    unknown = np.zeros(len(distinct.texts), dtype=bool)
    unknown[owners[places < 0]] = True
    problem = f"holds a code that is not declared ({_listed(list(place_of))}); mend the cell"
    sheet.raise_if(column.english, distinct.expand(unknown, missing=False), problem)
    table = np.zeros((len(distinct.texts), filler + 1))
    table[owners, places] = 1
    return distinct.expand(table[:, :filler], missing=np.nan)


def _category(sheet: Sheet, column: Column, distinct: _UniqueTexts) -> np.ndarray:
    known = {as_code(code): code for code in column.codes}
    codes = np.array([known.get(as_code(text)) for text in distinct.texts], dtype=object)
    unknown = np.array([code is None for code in codes], dtype=bool)
    sheet.raise_if(column.english, distinct.expand(unknown, missing=False), _not_a_code(column))
    return distinct.expand(codes, missing=np.nan)


def _flag(sheet: Sheet, column: Column, distinct: _UniqueTexts) -> np.ndarray:
    texts = [text.lower() for text in distinct.texts]
    values = np.array([1.0 if text in _YES else 0.0 for text in texts])
    unknown = np.array([text not in _YES | _NO for text in texts], dtype=bool)
    problem = (
        "is neither yes nor no (yes, y, true, t, 1; no, n, false, f, 0); mend or empty the cell"
    )
    sheet.raise_if(column.english, distinct.expand(unknown, missing=False), problem)
    return distinct.expand(values, missing=np.nan)


def _one_hot(sheet: Sheet, column: Column, distinct: _UniqueTexts) -> np.ndarray:
    """Finds the one of several 0/1 columns that is 1; their cells stand in one text, in order."""
    codes = np.array([*column.codes, np.nan], dtype=object)
    hits = np.full(len(distinct.texts), len(column.codes))
    wrong = np.zeros(len(distinct.texts), dtype=bool)
    for place, text in enumerate(distinct.texts):
        cells = [cell.strip() for cell in text.split(",")]
        if all(cell in _MISSING for cell in cells):
            continue
        values = [_number(cell) for cell in cells]
        wrong[place] = sorted(values) != [0.0] * (len(codes) - 2) + [1.0]
        hits[place] = values.index(1.0) if not wrong[place] else hits[place]
    problem = "is not one 1 among zeros; mend these cells, or empty them all"
    sheet.raise_if(column.english, distinct.expand(wrong, missing=False), problem)
    return distinct.expand(codes[hits], missing=np.nan)


def _distinct(sheet: Sheet, column: Column) -> _UniqueTexts:
    cells = sheet.column_text(column.english)
    try:
        if cells.dtype == object:  # of any kind, and pandas cannot compare or even ask them all
            cells = pd.Series([str(cell) for cell in cells], dtype="str")
        elif not _is_numeric(cells):
            cells = cells.astype("str")
    except ValueError as error:  # half a character, or a number of thousands of digits
        header = sheet.headers[column.english]
        raise InputError(
            f"{sheet.source}: column {header!r} holds a cell that cannot be shown as text ({error})"
        ) from error
    places, cell_texts = pd.factorize(cells)
    texts = np.array(
        [str(text).strip() for text in np.asarray(cell_texts, dtype=object)], dtype=object
    )
    absent = np.array([text in _MISSING for text in texts], dtype=bool)
    renumbered = np.append(np.where(absent, -1, np.arange(len(texts))), -1)
    return _UniqueTexts(texts=texts, places=renumbered[places])


def _is_numeric(cells: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(cells) or pd.api.types.is_integer_dtype(cells)


def _numbers(sheet: Sheet, column: Column) -> np.ndarray:
    cells = sheet.column_text(column.english)
    if _is_numeric(cells):
        values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        distinct = _distinct(sheet, column)
        numbers = np.array([_number(text) for text in distinct.texts], dtype=np.float64)
        values = distinct.expand(numbers, missing=np.nan)
    sheet.raise_if(
        column.english, np.isinf(values), "is not a number; mend the cell or leave it empty"
    )
    if column.codes:
        codes = np.array([float(code) for code in column.codes])
        unknown = ~np.isnan(values) & ~np.isin(values, codes)
        sheet.raise_if(column.english, unknown, _not_a_code(column))
    return values + 0.0  # a copy, in which no zero is negative


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


def _days(sheet: Sheet, column: Column, distinct: _UniqueTexts) -> np.ndarray:
    pattern = _COMPACT if column.kind == "yyyymmdd" else _DAY
    texts = pd.Series(distinct.texts, dtype=object).astype("str")
    parts = texts.str.extract(pattern).fillna("0").to_numpy(dtype=object).astype(np.int64)
    years, months, days = parts.T
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
    sheet.raise_if(column.english, distinct.expand(np.isnat(dates), missing=False), problem)
    return distinct.expand(dates, missing=np.datetime64("NaT"))


def _calendar(years: np.ndarray, months: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Returns (U,) datetime64[D], not-a-time where there is no such day."""
    first = ((years - 1970) * 12 + months - 1).astype("datetime64[M]")
    date = first.astype("datetime64[D]") + (days - 1)
    real = (years >= _EARLIEST) & (years <= _LATEST) & (months >= 1) & (months <= 12) & (days >= 1)  # noqa: PLR2004
    real &= date.astype("datetime64[M]") == first
    return np.where(real, date, np.datetime64("NaT"))
