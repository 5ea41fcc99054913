"""Predictions as recommendations: one row per patient, one group of columns per task."""

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
_OWN = ("Row", "ID", "Outside", "Reason")  # columns that do not belong to a task


@dataclass(frozen=True)
class Heading:
    """The names of a task in the headers of its columns.

    Attributes:
        english: the name in English, without unit.
        second: the name in the schema's second language, without unit; empty if there is none.
        unit: empty if there is none.
        labels: of the levels: the code as in the table, with its meaning if that differs.
    """

    english: str
    second: str
    unit: str
    labels: tuple[str | float, ...]

    def column(self, part: str = "", *, both: bool = False) -> str:
        """Returns the name of a column: that of the recommendation, or of another `part`."""
        name = f"{self.english} {self.second}".strip() if both else self.english
        unit = f" ({self.unit})" if self.unit and not part else ""
        return f"{name}: {part}" if part else f"{name}{unit}"


def headings(schema: Schema) -> list[Heading]:
    """Returns the headings of the tasks.

    If several tasks have the same title, or the title is that of another column such as `Row`, the
    name of the task is added.
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
        tempered: (N, K), calibrated natural predictions.
        scores: the conformal scores of each task.
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
    """Returns the probabilities (N, L) of each task, given the levels recommended before it.

    Only tasks with levels are included. The most probable level is recommended.

    Args:
        tasks: the T tasks.
        groups: the tasks with levels, in groups.
        tempered: (N, K), calibrated natural predictions.
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
        chances: (N, L), probabilities of its levels, given those recommended before.
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
    """Yields level and probability (N,) of the most probable levels, in descending order."""
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
    """Returns one text per row (N,), from a few distinct texts; missing where `which` is -1."""
    coded: pd.Categorical = pd.Categorical.from_codes(which, pd.Index(list(names), dtype="str"))
    return coded


def _with_share(texts: Sequence[str], level: NDArray[np.int64], share: Floats) -> pd.Categorical:
    """Returns a text such as "300 (21%)" per row; missing for a level with probability zero.

    Each distinct text is created once. Its number is level * 101 + percent, with percent from 0 to
    100: level 2 with 21% is 223, and 223 = 2 * 101 + 21.

    >>> level, share = np.array([2, 0, 2]), np.array([0.21, 0.0, 0.21])
    >>> _with_share(["100", "200", "300"], level, share).tolist()
    ['300 (21%)', nan, '300 (21%)']
    """
    percent = np.round(share * 100).astype(np.int64)
    codes = np.full(len(level), -1)
    codes[share > 0], pairs = pd.factorize((level * 101 + percent)[share > 0])
    return _texts(codes, [f"{texts[pair // 101]} ({pair % 101}%)" for pair in pairs.tolist()])


def _sets(texts: Sequence[str], inside: NDArray[np.bool_]) -> pd.Categorical:
    """Returns the levels of each row's set as a text, in the order of the levels.

    Rows with the same set get the same number. The number is computed level by level: twice the
    previous number, plus 1 if the level is in the set. After each level the numbers are replaced by
    0, 1, 2, ... in order of appearance, so that they stay below N. For the rows {a}, {b}, {a},
    level a gives 1, 0, 1, replaced by 0, 1, 0, and then level b gives 0, 3, 0.

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
    """Returns the sentences that describe the columns."""
    short = [
        n.english for n, s in zip(names, scores, strict=True) if np.isinf(s.quantile(coverage))
    ]
    lines = [
        DISCLAIMER,
        (
            "The first column of a task is its recommendation. For a task with levels, the next "
            "columns are the probability of this level, and the next most probable levels with "
            "their probabilities. The levels are chosen one task after another, so that together "
            "they break no rule of the schema between tasks with levels. Where rules connect "
            "tasks, the probabilities of a later task are conditional on the levels recommended "
            "before it."
        ),
        (
            "The set, or the interval from low to high, contains the prescribed level or value "
            f"for {coverage:.0%} of patients like those that the model was fitted on. It is about "
            "one task and does not use the rules. If low or high is empty, there is no bound."
        ),
        (
            "Outside: the patient is out of distribution, which means outside the training domain "
            "of the model, for the reason given. Coverage is not guaranteed for this patient. "
            "Development rows are the rows that the model was fitted on."
        ),
    ]
    if short:
        lines.append(
            f"There are too few labels for a coverage of {coverage:.0%} of some tasks. Their sets "
            f"and intervals contain every level or value: {', '.join(short)}."
        )
    return lines
