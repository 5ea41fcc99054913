"""Drafts a schema for any table, which a person then completes.

The kind of a column is found by the parsers that will read it, so a draft always fits its table.
"""

import keyword
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hemomodel.errors import InputError, nearest_name
from hemomodel.schema.columns import Column, slug
from hemomodel.schema.formula import is_missing
from hemomodel.tables.parsing import as_code, parse_column
from hemomodel.tables.readers import read_cells
from hemomodel.tables.schema_template import ColumnDraft, schema_template
from hemomodel.tables.sheet import UNIT

__all__ = ["infer_schema"]

_MOST_CODES = 20  # with more different texts it is not a category
_MOST_LEVELS = 10  # with more different numbers they are not levels
_APART = 0.9  # with a larger share of distinct whole numbers it is not a measurement
_LONGEST = 40  # letters of a code
_FEW = 12  # numbers that may be codes
_SKEWED = 2.0
_DAYS = (19_000_101, 21_001_231)  # numbers that may be days
_NUMBER = r"(no|nr|number|code|num)"
_PERSON = re.compile(
    rf"(^|_)(id|mrn|patient|subject|person|(patient|chart|case|record)_{_NUMBER})$"
    "|病歷|身分證|身份證"
)
_NUMBERED = re.compile(rf"(^|_){_NUMBER}$|編號|號碼")  # of a person, or of something else
_IDENTIFIER = "looks like an identifier; is it the group, or a feature?"
_LEARNED = ("flag", "number", "category")
_KINDS = ("flag", "number", "date", "roc_date")  # the first kind that fits all cells is taken


def infer_schema(path: str | Path, *, tasks: Sequence[str] = (), group: str | None = None) -> str:
    """Returns the YAML of a schema for the table; without tasks the schema is incomplete.

    It contains headers and the codes of categories, and no other cell.

    Args:
        path: of the table.
        tasks: the headers of the columns to predict.
        group: the header of the column with one value per person; guessed if None.

    Raises:
        InputError: the table cannot be read, or lacks one of these columns.
    """
    labels, cells = read_cells(path)
    where = str(path)
    named = [*tasks, *([] if group is None else [group])]
    _check_named(where, labels, named)
    drafts: list[ColumnDraft] = []
    labelled = np.ones(len(cells), dtype=bool)
    for place, english in enumerate(_english(labels)):
        name = labels[place]
        if not name:  # a column without a header cannot be declared, so it is not read
            continue
        draft, values = _guess(where, name, english, cells.iloc[:, place])
        if name in tasks:
            draft = _as_task(where, draft, values)
            labelled &= ~is_missing(values)
        elif name == group or _called(_PERSON, name):
            grouped = group is not None or any(d.role == "group" for d in drafts)
            draft = _as_person(draft, values, asked=name == group, grouped=grouped)
        elif _is_identifier(draft, values):
            draft = replace(draft, role="ignored", codes=(), notes=(*draft.notes, _IDENTIFIER))
        drafts.append(_hinted(draft, labels))
    if tasks and not any(d.role == "feature" and d.kind in _LEARNED for d in drafts):
        raise InputError(f"{where}: beside the tasks no column is a feature; name fewer tasks")
    return schema_template(len(cells), drafts, complete=bool(labelled.any()))


def _check_named(where: str, labels: Sequence[str], named: Sequence[str]) -> None:
    for name, count in Counter(label for label in labels if label).items():
        if count > 1:
            raise InputError(
                f"{where}: {count} columns are called {name!r}; give each its own name"
            )
    for name, count in Counter(named).items():
        if count > 1:
            raise InputError(f"{where}: {name!r} is named twice; name each column once")
        if name not in labels or not name:
            near = nearest_name(name, [label for label in labels if label])
            hint = "give a header of the table" if near is None else f"did you mean {near!r}?"
            raise InputError(f"{where}: has no column {name!r}; {hint}")


def _english(labels: Sequence[str]) -> list[str]:
    """Returns an identifier for each column, all different; without units if that is unique."""
    shorts = [slug(UNIT.sub("", label)) for label in labels]
    names: list[str] = []
    for place, (label, short) in enumerate(zip(labels, shorts, strict=True), 1):
        name = short if shorts.count(short) == 1 else slug(label)
        if not re.match("[a-z]", short) or keyword.iskeyword(name) or name in names:
            name = f"column_{place}"
        names.append(name if name not in names else f"{name}_")
    return names


def _guess(where: str, name: str, english: str, cells: pd.Series) -> tuple[ColumnDraft, np.ndarray]:
    """Returns a column with the first kind that fits all its cells, and its values."""
    column = Column(name=name, english=english, kind="text", role="context")
    texts, _, problem = parse_column(cells, column)
    if problem:
        raise InputError(f"{where}: column {name!r} {problem}")
    codes, counts = np.unique(texts[~is_missing(texts)], return_counts=True)
    if not len(codes):
        return ColumnDraft(name, english, "text", "ignored", notes=("no value",)), texts
    for kind in _KINDS:
        column = Column.model_validate(
            {"name": name, "english": english, "kind": kind, "role": "context"}
        )
        values, _, problem = parse_column(cells, column)
        if not problem:
            return _of_values(ColumnDraft(name, english, kind), values), values
    if len(codes) == 1:
        return ColumnDraft(
            name, english, "text", "ignored", notes=("one value in all rows",)
        ), texts
    texts = np.array([as_code(t) if isinstance(t, str) else t for t in texts], dtype=object)
    codes, counts = np.unique(texts[~is_missing(texts)], return_counts=True)
    draft = ColumnDraft(name, english, "category", codes=tuple(map(str, codes)))
    if _are_codes(draft.codes, int(counts.sum())):
        return draft, texts
    note = f"{len(codes):,} texts; if it holds codes, see kinds category and code_list"
    return ColumnDraft(name, english, "text", "ignored", notes=(note,)), texts


def _are_codes(codes: Sequence[str], known: int) -> bool:
    short = all(len(code) <= _LONGEST and code.isprintable() for code in codes)
    return short and len(codes) <= _MOST_CODES and 2 * len(codes) <= known


def _of_values(draft: ColumnDraft, values: np.ndarray) -> ColumnDraft:
    """Returns the draft of a flag, a number or a date, with notes on what to check."""
    distinct = np.unique(values[~is_missing(values)])
    if len(distinct) == 1:
        return replace(draft, role="ignored", notes=("one value in all rows",))
    if draft.kind == "number" and len(distinct) <= _FEW and (distinct == np.round(distinct)).all():
        return replace(draft, notes=(f"{len(distinct)} values; is it a category?",))
    if draft.kind == "number" and (distinct > _DAYS[0]).all() and (distinct < _DAYS[1]).all():
        return replace(draft, notes=("is it a date? See kind yyyymmdd",))
    if draft.kind in ("date", "roc_date"):
        return replace(draft, notes=("not learned from; see `derived` and year()",))
    return draft


def _as_task(where: str, draft: ColumnDraft, values: np.ndarray) -> ColumnDraft:
    known = values[~is_missing(values)]
    distinct = np.unique(known) if len(known) else known
    if draft.role == "ignored" or draft.kind not in _LEARNED:
        reason = ", ".join(draft.notes) or f"kind {draft.kind}"
        raise InputError(
            f"{where}: column {draft.name!r} cannot be a task ({reason}); name another"
        )
    binary = len(distinct) == 2  # noqa: PLR2004
    if draft.kind == "flag":
        return replace(draft, role="task", task="binary", notes=())
    if draft.kind == "category":
        notes = () if binary else ("if the codes have an order: kind: ordinal, levels in order",)
        kind = "binary" if binary else "classification"
        return replace(draft, role="task", task=kind, notes=notes)
    if len(distinct) <= _MOST_LEVELS and 2 * len(distinct) <= len(known):
        notes = () if binary else ("if the levels have no order: kind: classification",)
        kind, levels = "binary" if binary else "ordinal", tuple(map(float, distinct))
        return replace(draft, role="task", task=kind, levels=levels, notes=notes)
    return replace(draft, role="task", task="regression", notes=_about_values(known))


def _about_values(known: np.ndarray) -> tuple[str, ...]:
    if (known >= 0).all() and (known == np.round(known)).all():
        return ("whole numbers; if they count something: kind: count",)
    with np.errstate(all="ignore"):  # without a finite standard deviation there is no skewness
        skew = float(np.mean((known - known.mean()) ** 3) / known.std() ** 3)
    if (known > 0).all() and skew > _SKEWED:
        return ("a long tail upwards; add transform: log?",)
    return ()


def _is_identifier(draft: ColumnDraft, values: np.ndarray) -> bool:
    """Returns whether numbers look like identifiers, by their name or because most differ."""
    known = values[~is_missing(values)]
    if draft.kind != "number" or draft.role == "ignored" or not (known == np.round(known)).all():
        return False
    distinct = len(np.unique(known))
    named = _called(_NUMBERED, draft.name)
    return distinct > _MOST_CODES and (named or distinct > _APART * len(known))


def _called(pattern: re.Pattern[str], name: str) -> bool:
    return any(map(pattern.search, (name, slug(name))))  # the slug of a Chinese name is empty


def _as_person(
    draft: ColumnDraft, values: np.ndarray, *, asked: bool, grouped: bool
) -> ColumnDraft:
    """Returns the draft of an identifier; if its values repeat, it groups the rows.

    Args:
        draft: of the column.
        values: (N,) of the column.
        asked: whether the user named it as the group.
        grouped: whether another column is the group; then this one is not read.
    """
    known = values[~is_missing(values)]
    repeated = len(np.unique(known)) < len(known)
    draft = replace(draft, kind="text", codes=())
    if grouped and not asked:
        return replace(draft, role="ignored", notes=(*draft.notes, _IDENTIFIER))
    if repeated or asked:
        note = () if asked else ("repeated; does each value identify one person?",)
        return replace(draft, role="group", notes=note)
    return replace(draft, role="id", notes=())


def _hinted(draft: ColumnDraft, labels: Sequence[str]) -> ColumnDraft:
    prefix, equals, _ = draft.name.partition("=")
    alike = sum(label.startswith(f"{prefix}=") for label in labels)
    if not equals or draft.kind != "flag" or alike == 1:
        return draft
    note = f"one of {alike} columns {prefix}=...; is it one category? See kind one_hot"
    return replace(draft, notes=(*draft.notes, note))
