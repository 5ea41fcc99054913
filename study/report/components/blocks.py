"""What a section is made of: text, figures, tables. The page draws them; it decides nothing."""

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
    """A cell of a table: its text, a small text under it, and whether it is a column's best."""

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
class Definitions:
    """Terms and what they mean.

    Attributes:
        title: of the group of terms.
        items: (term, definition) pairs.
    """

    title: str
    items: tuple[tuple[str, str], ...]
    kind: Literal["definitions"] = "definitions"


@dataclass(frozen=True)
class Code:
    """Lines to run, as they are."""

    text: str
    language: Literal["python", "bash"]
    kind: Literal["code"] = "code"


@dataclass(frozen=True)
class Figures:
    """Figures side by side where there is room, and how to read them.

    Attributes:
        figures: one or more.
        caption: how to read it, and what it does not say.
        size: how much of the page's width one takes, where there is room.
        title: above all of them.
        legend: arms to name and to pick out.
        scale: names of the two ends of the diverging scale, if it is used.
    """

    figures: tuple[Figure, ...]
    caption: str
    size: Literal["full", "narrow", "wide", "half", "third"] = "full"
    title: str = ""
    legend: tuple[str, ...] = ()
    scale: tuple[str, ...] = ()
    kind: Literal["figures"] = "figures"

    def called(self, figure: Figure) -> str:
        """Returns what a figure shows, for whoever does not see those beside it."""
        return f"{self.title}: {figure.title}" if self.title else figure.title


@dataclass(frozen=True)
class Table:
    """A table with a header row; the first cell of each row is its header.

    Attributes:
        title: its caption.
        columns: headers.
        rows: cells; a row of one cell is a heading inside the table.
        note: how to read it.
        folded: shown on demand (always in print).
        arms: whether its first column names arms.
        style: of numbers, of words, or of many short rows.
    """

    title: str
    columns: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False
    arms: bool = False
    style: Literal["numbers", "words", "dense"] = "numbers"
    kind: Literal["table"] = "table"


Block: TypeAlias = Prose | Notes | Definitions | Code | Figures | Table


@dataclass(frozen=True)
class Section:
    """A part of the report with a heading."""

    name: str
    title: str
    blocks: tuple[Block, ...] = field(default_factory=tuple)


def missing_note(what: str, file: str) -> tuple[Block, ...]:
    """Returns a sentence in place of what a study has no file for."""
    return (Prose(f"{what} is not shown: this study's folder has no {file}."),)


def task_header(task: Task) -> Cell:
    """Returns the header of a task's column, in both languages."""
    return Cell(task.second_title or task.title, task.title if task.second_title else "")


def interval_cell(
    value: Interval | float | None, digits: int = 3, *, sign: bool = False, best: bool = False
) -> Cell:
    """Returns a cell with an estimate, and under it its interval if it has one."""
    estimate, _, ends = interval(value, digits, sign=sign).partition(" ")
    return Cell(estimate, ends, best)
