"""Predictions as recommendations: one row a patient, one group of columns a task."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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

Floats: TypeAlias = NDArray[np.floating]
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
    tied: Sequence[TaskGroup],
    tempered: Floats,
    scores: Sequence[ConformalScores],
    coverage: float,
) -> dict[str, Column]:
    """Returns the columns of the tasks, (N,) each.

    Args:
        tasks: the T tasks.
        names: of the tasks.
        tied: the tasks with levels, in groups.
        tempered: (N, K), natural predictions.
        scores: of each task.
        coverage: of sets and intervals.
    """
    own, given = task_slices(tasks), condition_on_previous(tasks, tied, tempered)
    found: dict[str, Column] = {}
    for place, (task, name) in enumerate(zip(tasks, names, strict=True)):
        if task.is_value:
            said = tempered[:, top_level(own[place])].astype(np.float64)
            parts = round_to_interval(*interval(task, said, scores[place], coverage))
            found |= {
                name.column(part): np.where(np.isfinite(array), array, np.nan)  # NaN: no bound
                for part, array in zip(("", LOW, HIGH), parts, strict=True)
            }
        else:
            inside = level_sets(task, np.exp(tempered[:, own[place]]), scores[place], coverage)
            found |= _levels(name, given[place], inside)
    return found


def condition_on_previous(
    tasks: Sequence[Task], tied: Sequence[TaskGroup], tempered: Floats
) -> dict[int, Floats]:
    """Returns the probabilities (N, L) of each task with levels given those recommended before it.

    The likeliest is the one that is recommended.

    Args:
        tasks: the T tasks.
        tied: the tasks with levels, in groups.
        tempered: (N, K), natural predictions.
    """
    own = task_slices(tasks)
    return {
        place: found
        for group in tied
        for place, found in zip(
            group.places,
            apply_constraints(group, [np.exp(tempered[:, own[p]]) for p in group.places]),
            strict=True,
        )
    }


def top_level(own: slice) -> int:
    """Returns the one column of a value."""
    return int(own.start)


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
    found: dict[str, Column] = {
        name.column(): _written(name.labels, choice),
        name.column(PROBABILITY): np.round(chance.astype(np.float64), _DIGITS),
    }
    for part, (level, share) in zip(RUNNERS_UP, others, strict=False):
        found[name.column(part)] = _with_share(texts, level, share)
    return found | {name.column(SET): _sets(texts, inside)}


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
    """Returns "300 (21%)" a row, and nothing for a level without a chance."""
    percent = np.round(share * 100).astype(np.int64)
    which, found = pd.factorize(np.where(share > 0, level * 101 + percent, -1))
    names = [f"{texts[code // 101]} ({code % 101}%)" if code >= 0 else "" for code in found]
    blank = np.flatnonzero(found < 0)
    codes = np.where(np.isin(which, blank), -1, which)
    return _texts(codes, names)


def _sets(texts: Sequence[str], inside: NDArray[np.bool_]) -> pd.Categorical:
    """Returns the levels of each row's set, in their order."""
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
