"""Writes a drafted schema as YAML, with comments on what to check and what can be added."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from hemomodel.schema.columns import level_text, slug
from hemomodel.schema.strict_yaml import parse_yaml

__all__ = ["ColumnDraft", "schema_template"]

_PLAIN = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_./%+=-]| (?! ))*")
_HEAD = """\
# A draft, made from a table of {rows:,} rows. Check every line. Each key is explained at the top of
# configs/schemas/hemodialysis.yaml.
# - A feature must be known before the prediction, and must not be a result of what is predicted.
#   Otherwise give it the role context (shown, not used by networks) or ignored (not read).
# - hard: [low, high] refuses a value outside, soft: [low, high] counts it. unit, title and title_zh
#   are shown in the report. codes can be code: meaning.
# - If a person has several rows, give the column that identifies the person the role group.
#   Otherwise rows of one person appear on both sides of a split.
name: table
title: My table  # what reports show

columns:
"""
_NO_TASK = """\
# No task yet: give each column to predict the role task, and its kind, such as
#   role: task, task: {kind: binary}      (or classification, ordinal, regression, count)
"""
_FILTERS = """
# Further filters can be formulas: {name: too young, drop: age < 18 or missing(age)}
filters:
"""
_COMPLETE = "  - {name: a label is missing, kind: any_missing, role: task, labels: complete}\n"
_PARTIAL = "  - {name: no label, kind: all_missing, role: task}\n"


@dataclass(frozen=True)
class ColumnDraft:
    """One column of a draft.

    Attributes:
        name: its header.
        english: its identifier.
        kind: as in a schema.
        role: as in a schema.
        codes: of a category.
        task: the kind of its task, or "".
        levels: of the task, if it is made of numbers.
        notes: what a person should check.
    """

    name: str
    english: str
    kind: str
    role: str = "feature"
    codes: tuple[str, ...] = ()
    task: str = ""
    levels: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


def schema_template(rows: int, drafts: Sequence[ColumnDraft], *, complete: bool) -> str:
    """Returns the YAML of drafted columns, without the file's name, which may name a person.

    Args:
        rows: number of rows of the table.
        drafts: its columns.
        complete: whether at least one row has all labels.
    """
    head = _HEAD.format(rows=rows)
    lines = "".join(f"  - {_column(draft)}\n" for draft in drafts)
    if not any(draft.role == "task" for draft in drafts):
        return f"{head}{lines}\n{_NO_TASK}"
    return head + lines + _FILTERS + (_COMPLETE if complete else "") + _PARTIAL


def _column(draft: ColumnDraft) -> str:
    parts = [f"name: {_scalar(draft.name)}"]
    if draft.english != slug(draft.name):
        parts.append(f"english: {draft.english}")
    parts += [f"kind: {draft.kind}", f"role: {draft.role}"]
    if draft.codes:
        parts.append(f"codes: [{', '.join(map(_scalar, draft.codes))}]")
    if draft.task:
        levels = f", levels: [{', '.join(map(level_text, draft.levels))}]" if draft.levels else ""
        parts.append(f"task: {{kind: {draft.task}{levels}}}")
    notes = f"  # {'; '.join(draft.notes)}" if draft.notes else ""
    return f"{{{', '.join(parts)}}}{notes}"


def _scalar(text: str) -> str:
    """Returns a text as YAML, in quotes only if YAML would read it as another type."""
    if _PLAIN.fullmatch(text) and parse_yaml(f"[{text}]", "text") == [text]:
        return text
    quoted = yaml.dump(text, default_style='"', allow_unicode=True, width=2**31)
    return str(quoted).strip()
