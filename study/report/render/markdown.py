"""The report in Markdown: verdict, main tables, provenance and limits."""

from collections.abc import Sequence

from study.report.components.blocks import Cell, Code, Definitions, Notes, Prose, Section, Table
from study.report.formatting import markdown_table, strip_markup
from study.report.load import LoadedStudy

__all__ = ["card_markdown", "report_markdown"]


def report_markdown(
    study: LoadedStudy, sections: Sequence[Section], images: Sequence[str] = ()
) -> str:
    """Returns the report as Markdown, every name as plain text.

    Args:
        study: the study to report.
        sections: of the report; their tables, notes and text are written.
        images: names of the figures that were written to `figures/`.
    """
    parts = [
        f"# {strip_markup(study.folder.name)}",
        f"**{strip_markup(study.comparison.verdict)}**",
    ]
    if study.sentences:
        parts.append("\n".join(f"- {strip_markup(sentence)}" for sentence in study.sentences))
    return _document([*parts, *_sections(sections, images)])


def card_markdown(title: str, lead: str, sections: Sequence[Section]) -> str:
    """Returns a model card as Markdown, every name as plain text."""
    return _document(
        [f"# {strip_markup(title)}", f"**{strip_markup(lead)}**", *_sections(sections, ())]
    )


def _document(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _sections(sections: Sequence[Section], images: Sequence[str]) -> list[str]:
    return [
        part
        for section in sections
        for part in (f"## {strip_markup(section.title)}", *_blocks(section, images))
    ]


def _blocks(section: Section, images: Sequence[str]) -> list[str]:
    parts = []
    for block in section.blocks:
        if isinstance(block, Table):
            parts.append(_table(block))
        elif isinstance(block, Notes):
            parts.append("\n".join(f"- {strip_markup(item)}" for item in block.items))
        elif isinstance(block, Definitions):
            parts.append(f"### {strip_markup(block.title)}")
            parts += [
                f"**{strip_markup(term)}.** {strip_markup(text)}" for term, text in block.items
            ]
        elif isinstance(block, Prose):
            parts.append(strip_markup(block.text))
        elif isinstance(block, Code):
            parts.append(f"```{block.language}\n{block.text}\n```")
        else:
            drawn = [f for f in block.figures if f.name in images]
            parts += [f"![{strip_markup(block.called(f))}](figures/{f.name}.svg)" for f in drawn]
            parts += [f"*{strip_markup(block.caption)}*"] if drawn else []
    return parts


def _table(table: Table) -> str:
    width = len(table.columns)
    rows = [[*map(_cell, row), *[""] * (width - len(row))] for row in table.rows]
    lines = markdown_table([_cell(column) for column in table.columns], rows)
    text = f"**{strip_markup(table.title)}**\n\n{lines}"
    return f"{text}\n\n{strip_markup(table.note)}" if table.note else text


def _cell(cell: Cell) -> str:
    text = strip_markup(f"{cell.text} {cell.small}".strip())
    return f"**{text}**" if cell.best and text else text
