"""The blocks of a section: text, figures and tables. The page only draws them."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from hemomodel.schema.entries import Task
from study.analysis.statistics.interval import Interval
from study.report.components.figure import Figure
from study.report.formatting import interval

__all__ = [
    "Block",
    "Cell",
    "Code",
    "Definitions",
    "Figures",
    "Notes",
    "Prose",
    "Section",
    "Table",
    "interval_cell",
    "missing_note",
    "task_header",
]


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, a small text below it, and whether it is the column's best."""

    text: str
    small: str = ""
    best: bool = False


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str
    kind: Literal["prose"] = "prose"


@dataclass(frozen=True)
class Notes:
    """A list of sentences."""

    items: tuple[str, ...]
    kind: Literal["notes"] = "notes"


@dataclass(frozen=True)
class Code:
    """Lines of code, shown unchanged."""

    text: str
    language: Literal["python", "bash"]
    kind: Literal["code"] = "code"


@dataclass(frozen=True)
class Figures:
    """Figures side by side, as far as the width allows, with one caption.

    Attributes:
        figures: one or more figures.
        caption: how to read them, and what they do not show.
        size: the share of the page's width that one figure takes, if the page is wide enough.
        title: the title above all of them.
        legend: the arms in the legend; a reader can highlight them.
        scale: labels of the diverging scale from left to right, if it is used.
    """

    figures: tuple[Figure, ...]
    caption: str
    size: Literal["full", "narrow", "wide", "half", "third"] = "full"
    title: str = ""
    legend: tuple[str, ...] = ()
    scale: tuple[str, ...] = ()
    kind: Literal["figures"] = "figures"

    def called(self, figure: Figure) -> str:
        """Returns a figure's title that is complete without the figures beside it."""
        return f"{self.title}: {figure.title}" if self.title else figure.title


@dataclass(frozen=True)
class Table:
    """A table with a header row; the first cell of each row is its header.

    Attributes:
        title: the caption.
        columns: the headers.
        rows: the cells; a row of one cell is a heading inside the table.
        note: how to read it.
        folded: whether the table is hidden until a reader opens it (never in print).
        arms: whether the first column has names of arms.
        style: for numbers, for words, or for many short rows.
    """

    title: str
    columns: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False
    arms: bool = False
    style: Literal["numbers", "words", "dense"] = "numbers"
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Definitions:
    """Terms and what they mean.

    Attributes:
        title: of the group of terms.
        items: (term, definition) pairs.
    """

    title: str
    items: tuple[tuple[str, str], ...]
    kind: Literal["definitions"] = "definitions"


Block: TypeAlias = Prose | Notes | Code | Figures | Table | Definitions


@dataclass(frozen=True)
class Section:
    """A part of the report with a heading."""

    name: str
    title: str
    blocks: tuple[Block, ...] = field(default_factory=tuple)


def missing_note(what: str, file: str) -> tuple[Block, ...]:
    """Returns a sentence that names a missing file, in place of its figures."""
    return (Prose(f"{what}: not shown, because this study's folder has no {file}."),)


def task_header(task: Task) -> Cell:
    """Returns the header of a task's column, in both languages."""
    return Cell(task.second_title or task.title, task.title if task.second_title else "")


def interval_cell(
    value: Interval | float | None, digits: int = 3, *, sign: bool = False, best: bool = False
) -> Cell:
    """Returns a cell with an estimate and, below it, its interval if it has one."""
    estimate, _, ends = interval(value, digits, sign=sign).partition(" ")
    return Cell(estimate, ends, best)
