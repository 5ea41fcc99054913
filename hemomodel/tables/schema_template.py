"""A drafted schema as YAML with comments: what to check, and what may be added."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from hemomodel.schema.columns import level_text, slug
from hemomodel.schema.strict_yaml import parse_yaml

__all__ = ["ColumnDraft", "schema_template"]

_PLAIN = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_./%+=-]| (?! ))*")
_HEAD = """\
# A draft, made from a table of {rows:,} rows. Look at every line; what each key means stands at the
# top of configs/schemas/hemodialysis.yaml.
# - A feature must be known before what is predicted, and not follow from it. Else give it the role
#   context (shown, never learned from) or ignored (not read).
# - hard: [low, high] refuses a value outside, soft: [low, high] counts it; unit, title and title_zh
#   are what a report shows; codes may be code: meaning.
# - Rows of one person need a column of role group, or a person stands on both sides of a split.
name: table
title: My table  # what reports show

columns:
"""
_NO_TASK = """\
# No task yet: give what is to be predicted the role task, and say what it is, such as
#   role: task, task: {kind: binary}      (or classification, ordinal, regression, count)
"""
_FILTERS = """
# More filters are formulas: {name: too young, drop: age < 18 or missing(age)}
filters:
"""
_COMPLETE = "  - {name: a label is missing, kind: any_missing, role: task, labels: complete}\n"
_PARTIAL = "  - {name: no label, kind: all_missing, role: task}\n"


@dataclass(frozen=True)
class ColumnDraft:
    """One column of a draft.

    Attributes:
        name: its header.
        english: what the code calls it.
        kind: as in a schema.
        role: likewise.
        codes: of a category.
        task: kind of the task that is made of it, or "".
        levels: of the task, if it is made of numbers.
        notes: what a person should look at.
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
    """Returns the YAML of drafted columns; a file's name may be a person's, and is not in it.

    Args:
        rows: how many the table has.
        drafts: its columns.
        complete: whether any row has all labels.
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
    """Returns a text as YAML, in quotes only where it would be read as something else."""
    if _PLAIN.fullmatch(text) and parse_yaml(f"[{text}]", "text") == [text]:
        return text
    quoted = yaml.dump(text, default_style='"', allow_unicode=True, width=2**31)
    return str(quoted).strip()
