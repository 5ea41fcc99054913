"""The glossary at the end of the report and of the model card: the text of docs/glossary.md."""

import re
from functools import cache
from importlib import resources

from study.report.components.blocks import Definitions, Section

__all__ = ["glossary"]

_TERM = re.compile(r"\*\*(.+?)\.\*\* (.+)", re.DOTALL)
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")


@cache
def glossary() -> Section:
    """Returns the section that defines every term."""
    text = (resources.files("study.report.sections") / "glossary.md").read_text(encoding="utf-8")
    _, *groups = text.split("\n## ")
    return Section("glossary", "Glossary", tuple(map(_group, groups)))


def _group(text: str) -> Definitions:
    title, *paragraphs = text.strip().split("\n\n")
    terms = [match.groups() for match in map(_TERM.match, paragraphs) if match]
    return Definitions(title, tuple((term, _plain(meaning)) for term, meaning in terms))


def _plain(text: str) -> str:
    """Returns a paragraph of Markdown as plain text: a page has no other page to link to."""
    return " ".join(re.sub(r"\*\*|[`*]", "", _LINK.sub(r"\1", text)).split())
