"""Predictions as recommendations: one row a patient, one group of columns a task."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemomodel.arrays import Floats
from hemomodel.ensemble.conformal import ConformalScores, interval, level_sets
from hemomodel.recommender.decision_constraints import TaskGroup, apply_constraints
from hemomodel.recommender.significant_digits import round_to_interval
from hemomodel.schema.columns import level_text
from hemomodel.schema.entries import Task
from hemomodel.schema.output_slices import task_slices
from hemomodel.schema.schema import Schema

__all__ = [
    "COLUMN_PARTS",
    "DISCLAIMER",
    "Heading",
    "column_notes",
    "condition_on_previous",
    "headings",
    "recommendations",
]

Column: TypeAlias = np.ndarray | pd.Categorical
DISCLAIMER = (
    "Decision support for research: these are estimates from past prescriptions, "
    "and not a prescription."
)
PROBABILITY, SET, LOW, HIGH = "probability", "set", "low", "high"
RUNNERS_UP = ("runner-up", "second runner-up")
COLUMN_PARTS = (PROBABILITY, *RUNNERS_UP, SET, LOW, HIGH)
_DIGITS = 4
_OWN = ("Row", "ID", "Outside", "Reason")  # columns that are no task's


@dataclass(frozen=True)
class Heading:
    """What a task is called above its columns.

    Attributes:
        english: in English, without unit.
        second: in the schema's second language, likewise; empty if it has no other name.
        unit: empty if it has none.
        labels: of its levels, as they are written in the table and as a person reads them.
    """

    english: str
    second: str
    unit: str
    labels: tuple[str | float, ...]

    def column(self, part: str = "", *, both: bool = False) -> str:
        """Returns the name of a column: of the recommendation, or of another `part`."""
        name = f"{self.english} {self.second}".strip() if both else self.english
        unit = f" ({self.unit})" if self.unit and not part else ""
        return f"{name}: {part}" if part else f"{name}{unit}"


def headings(schema: Schema) -> list[Heading]:
    """Returns what the tasks are called.

    One whose title is another's too, or a column's that is no task's, has its name added.
    """
    taken = {title for title, n in Counter(t.title for t in schema.tasks).items() if n > 1}
    taken |= set(_OWN)
    return [
        Heading(
            english=f"{task.title} [{task.name}]" if task.title in taken else task.title,
            second=task.second_title,
            unit=task.unit or schema.read[task.column].unit,
            labels=tuple(map(_label, task.levels, task.meanings)),
        )
        for task in schema.tasks
    ]


def _label(level: str | float, meaning: str) -> str | float:
    text = level_text(level)
    return level if meaning == text else f"{text} {meaning}"


def recommendations(
    tasks: Sequence[Task],
    names: Sequence[Heading],
    groups: Sequence[TaskGroup],
    tempered: Floats,
    scores: Sequence[ConformalScores],
    coverage: float,
) -> dict[str, Column]:
    """Returns the columns of the tasks, (N,) each.

    Args:
        tasks: the T tasks.
        names: of the tasks.
        groups: the tasks with levels, in groups.
        tempered: (N, K), natural predictions.
        scores: of each task.
        coverage: of sets and intervals.
    """
    slices, given = task_slices(tasks), condition_on_previous(tasks, groups, tempered)
    columns: dict[str, Column] = {}
    for place, (task, name) in enumerate(zip(tasks, names, strict=True)):
        if task.is_value:
            value = tempered[:, slices[place].start].astype(np.float64)
            parts = round_to_interval(*interval(task, value, scores[place], coverage))
            columns |= {
                name.column(part): np.where(np.isfinite(array), array, np.nan)  # NaN: no bound
                for part, array in zip(("", LOW, HIGH), parts, strict=True)
            }
        else:
            alone = np.exp(tempered[:, slices[place]])
            inside = level_sets(task, alone, scores[place], coverage)
            columns |= _levels(name, given[place], inside)
    return columns


def condition_on_previous(
    tasks: Sequence[Task], groups: Sequence[TaskGroup], tempered: Floats
) -> dict[int, Floats]:
    """Returns the probabilities (N, L) of each task with levels given those recommended before it.

    The likeliest is the one that is recommended.

    Args:
        tasks: the T tasks.
        groups: the tasks with levels, in groups.
        tempered: (N, K), natural predictions.
    """
    slices = task_slices(tasks)
    given: dict[int, Floats] = {}
    for group in groups:
        alone = [np.exp(tempered[:, slices[place]]) for place in group.places]
        given |= zip(group.places, apply_constraints(group, alone), strict=True)
    return given


def _levels(name: Heading, chances: Floats, inside: NDArray[np.bool_]) -> dict[str, Column]:
    """Returns the columns of a task with levels.

    Args:
        name: of the task.
        chances: (N, L), of its levels given those recommended before.
        inside: (N, L), its set, to which the recommended level is added.
    """
    (choice, chance), *others = _best(chances, 1 + len(RUNNERS_UP))
    inside[np.arange(len(choice)), choice] = True
    texts = [level_text(label) for label in name.labels]
    columns: dict[str, Column] = {
        name.column(): _written(name.labels, choice),
        name.column(PROBABILITY): np.round(chance.astype(np.float64), _DIGITS),
    }
    for part, (level, share) in zip(RUNNERS_UP, others, strict=False):
        columns[name.column(part)] = _with_share(texts, level, share)
    return columns | {name.column(SET): _sets(texts, inside)}


def _best(chances: Floats, count: int) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Yields level and chance (N,) of the likeliest levels, best first."""
    left, rows = chances.copy(), np.arange(len(chances))
    for _ in range(min(count, chances.shape[1])):
        level = left.argmax(1)
        yield level, left[rows, level]
        left[rows, level] = -1.0


def _written(labels: Sequence[str | float], choice: NDArray[np.int64]) -> Column:
    if all(isinstance(label, float) for label in labels):
        numbers: np.ndarray = np.array(labels, dtype=np.float64)[choice]
        return numbers
    return _texts(choice, [level_text(label) for label in labels])


def _texts(which: NDArray[np.int64], names: Sequence[str]) -> pd.Categorical:
    """Returns a text (N,) a row, of few distinct ones; none where `which` is -1."""
    coded: pd.Categorical = pd.Categorical.from_codes(which, pd.Index(list(names), dtype="str"))
    return coded


def _with_share(texts: Sequence[str], level: NDArray[np.int64], share: Floats) -> pd.Categorical:
    """Returns a text such as "300 (21%)" for each row; none for a level without a chance.

    Each distinct text is written once. Level and percent (0 to 100) make one number for it,
    level * 101 + percent: level 2 with 21% is 223, and 223 = 2 * 101 + 21 again.

    >>> level, share = np.array([2, 0, 2]), np.array([0.21, 0.0, 0.21])
    >>> _with_share(["100", "200", "300"], level, share).tolist()
    ['300 (21%)', nan, '300 (21%)']
    """
    percent = np.round(share * 100).astype(np.int64)
    codes = np.full(len(level), -1)
    codes[share > 0], pairs = pd.factorize((level * 101 + percent)[share > 0])
    return _texts(codes, [f"{texts[pair // 101]} ({pair % 101}%)" for pair in pairs.tolist()])


def _sets(texts: Sequence[str], inside: NDArray[np.bool_]) -> pd.Categorical:
    """Returns the levels of each row's set, in their order.

    Rows with the same set get the same number, one level after the other: twice the number so far,
    and 1 more if the level is inside; renumbered 0, 1, 2, ... as they appear, to stay below N. Of
    the rows {a}, {b}, {a}, level a makes 1, 0, 1, renumbered 0, 1, 0, and level b then 0, 3, 0.

    >>> _sets(["a", "b"], np.array([[True, False], [False, True], [True, False]])).tolist()
    ['a', 'b', 'a']
    """
    which = np.zeros(len(inside), dtype=np.int64)
    for member in inside.T:
        which = pd.factorize(2 * which + member)[0]
    first = np.unique(which, return_index=True)[1]
    names = [", ".join(np.array(texts, dtype=object)[inside[row]]) for row in first]
    return _texts(which, names)


def column_notes(
    names: Sequence[Heading], scores: Sequence[ConformalScores], coverage: float
) -> list[str]:
    """Returns the sentences that say what the columns are."""
    short = [
        n.english for n, s in zip(names, scores, strict=True) if np.isinf(s.quantile(coverage))
    ]
    lines = [
        DISCLAIMER,
        (
            "The first column of a task is its recommendation. Levels have their probability, and "
            "the next likeliest with theirs. They are chosen one after another so that no rule of "
            "the schema is broken: where rules tie tasks together, the probabilities of those that "
            "follow hold given the levels recommended before."
        ),
        (
            f"The set, or low to high, holds what was prescribed for {coverage:.0%} of patients "
            "like those that the model was fitted on. It is about one task, and knows no rules. "
            "A low or high that is empty is no bound."
        ),
        (
            "Outside: the patient is unlike those that the model was fitted on, for the reason "
            "given; nothing is promised then."
        ),
    ]
    if short:
        lines.append(
            f"Too few labels for {coverage:.0%}: every level or value is held possible for "
            f"{', '.join(short)}."
        )
    return lines
