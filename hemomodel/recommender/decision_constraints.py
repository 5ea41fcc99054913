"""Recommendations that go together: no level that breaks a rule of the schema with another.

Rules that speak of tasks with levels alone connect these tasks to a group. One task of the group
leads: it is chosen by its own probability. Each task that follows is chosen among the levels that
the rules allow with those chosen before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

import numpy as np
from numpy.typing import NDArray

from hemomodel.arrays import Floats
from hemomodel.errors import InputError
from hemomodel.schema.entries import Rule, Task
from hemomodel.schema.output_slices import task_slices
from hemomodel.schema.schema import Schema

__all__ = ["TaskGroup", "apply_constraints", "task_groups"]

_MOST = 1_000_000  # combinations of levels that are looked at


@dataclass(frozen=True, eq=False)
class TaskGroup:
    """Tasks whose levels depend on each other.

    Attributes:
        places: where they stand among the T tasks, the leading one first.
        allowed: (L_1, L_2, ...) whether levels may stand together.
    """

    places: tuple[int, ...]
    allowed: NDArray[np.bool_]


def task_groups(schema: Schema, in_use: NDArray[np.bool_]) -> tuple[TaskGroup, ...]:
    """Returns the tasks with levels in groups; one that is tied to no other is a group of its own.

    Args:
        schema: its rules and tasks.
        in_use: (K,), whether a level occurred in the labels; one that did not is not allowed.

    Raises:
        InputError: the rules leave no combination of levels, or there are too many to look at.
    """
    tasks = schema.tasks
    place_of = {task.column: place for place, task in enumerate(tasks) if not task.is_value}
    rules = [rule for rule in schema.rules if set(rule.columns) <= set(place_of)]
    columns = task_slices(tasks)
    return tuple(
        _task_group(schema, group, rules, [in_use[columns[place]] for place in group])
        for group in _groups(place_of, rules)
    )


def _groups(place_of: dict[str, int], rules: Sequence[Rule]) -> list[tuple[int, ...]]:
    """Returns the places of tasks that rules connect; what a rule asks `when` about leads."""
    group_of = {place: {place} for place in place_of.values()}
    for rule in rules:
        joined = set().union(*(group_of[place_of[name]] for name in rule.columns))
        group_of |= dict.fromkeys(joined, joined)
    asked = {place_of[name] for rule in rules if rule.when for name in rule.when.columns}
    ordered = (
        tuple(sorted(group, key=lambda place: (place not in asked, place)))
        for group in group_of.values()
    )
    return list(dict.fromkeys(ordered))


def _task_group(
    schema: Schema, group: tuple[int, ...], rules: Sequence[Rule], in_use: Sequence[np.ndarray]
) -> TaskGroup:
    tasks = [schema.tasks[place] for place in group]
    sizes = [task.size for task in tasks]
    names = ", ".join(task.name for task in tasks)
    if prod(sizes) > _MOST:
        raise InputError(
            f"schema {schema.name!r}: its rules tie {names} together, with {prod(sizes):,} "
            f"combinations of levels; leave rules out until there are {_MOST:,} or fewer"
        )
    allowed = np.ones(sizes, dtype=bool)
    values = _combinations(tasks)
    for rule in rules:
        if set(rule.columns) <= set(values):
            allowed &= ~rule.broken(values).reshape(sizes)
    if not allowed.any():
        raise InputError(
            f"schema {schema.name!r}: its rules leave no levels of {names} that go together; "
            "mend the rules"
        )
    used: NDArray[np.bool_] = reduce(np.logical_and.outer, in_use)
    return TaskGroup(group, allowed & used if (allowed & used).any() else allowed)


def _combinations(tasks: Sequence[Task]) -> dict[str, np.ndarray]:
    """Returns each task's level in every combination of levels, by column."""
    sizes = [task.size for task in tasks]
    levels = np.indices(sizes).reshape(len(sizes), -1)
    return {
        task.column: np.array(task.levels, dtype=_kind(task))[level]
        for task, level in zip(tasks, levels, strict=True)
    }


def _kind(task: Task) -> type:
    return object if isinstance(task.levels[0], str) else float


def apply_constraints(group: TaskGroup, probabilities: Sequence[Floats]) -> list[Floats]:
    """Returns the probabilities (N, L) of each task of a group, given the levels chosen before it.

    The likeliest level of each task is the one to choose: together they break no rule. A level that
    no allowed combination holds, with the levels chosen before, gets probability 0.

    What the leading task's other levels force on a follower explains a part of its probability:
    P(no dose) holds the patients without an anticoagulant, and this part is subtracted before the
    rest speaks of those with heparin. So from P(level), the P of those leading levels that allow
    this level only is subtracted, down to 0 at most.

    Example:
        Without an anticoagulant there is no dose; heparin goes with any of three doses. Heparin is
        likelier for the first patient. Of the dose's 0.4, 0.5 and 0.1, the 0.3 of the patients
        without an anticoagulant is subtracted from no dose. The mass 0.1, 0.5 and 0.1 that is left
        is scaled to a sum of 1. For the second patient no anticoagulant is likelier, and no dose is
        the only level allowed: the mass 0.5 of the two doses belongs to no allowed combination and
        is discarded. No dose's own 0.5 is less than the 0.6 that is subtracted, so that no mass is
        left, and the probabilities before the subtraction are scaled instead: no dose gets 1.

        >>> pairs = np.array([[True, False, False], [True, True, True]])
        >>> anticoagulant = np.array([[0.3, 0.7], [0.6, 0.4]])
        >>> dose = np.array([[0.4, 0.5, 0.1], [0.5, 0.4, 0.1]])
        >>> _, given = apply_constraints(TaskGroup((0, 1), pairs), [anticoagulant, dose])
        >>> given.round(3).tolist()
        [[0.143, 0.714, 0.143], [1.0, 0.0, 0.0]]

    Args:
        group: the tasks.
        probabilities: (N, L) of each task of the group.
    """
    given: list[Floats] = []
    chosen: list[NDArray[np.int64]] = []
    for place, alone in enumerate(probabilities):
        together = np.asarray(group.allowed.any(axis=tuple(range(place + 1, group.allowed.ndim))))
        allowed = np.broadcast_to(together[tuple(chosen)] if chosen else together, alone.shape)
        mass = alone
        if place:
            mass = np.maximum(alone - probabilities[0] @ _forced(group, place), 0)
        given.append(_normalized(mass, alone, allowed))
        chosen.append(given[-1].argmax(1))
    return given


def _forced(group: TaskGroup, place: int) -> NDArray[np.float32]:
    """Returns (L_1, L): 1 where a leading level allows a follower that level only, 0 elsewhere."""
    others = tuple(axis for axis in range(1, group.allowed.ndim) if axis != place)
    together = np.asarray(group.allowed.any(axis=others))
    forced: NDArray[np.float32] = (together & (together.sum(1, keepdims=True) == 1)).astype(
        np.float32
    )
    return forced


def _normalized(mass: Floats, alone: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """Returns the mass over the allowed levels, scaled to a sum of 1 in each row.

    Mass on other levels is discarded. In a row without mass on an allowed level, `alone` replaces
    it; where this has none either, the allowed levels are equally likely.
    """
    remaining = np.where(allowed, mass, 0.0)
    for instead in (alone, np.ones_like(alone)):
        empty = ~(remaining.sum(1) > 0)
        remaining[empty] = np.where(allowed[empty], instead[empty], 0.0)
    normalized: Floats = remaining / remaining.sum(1, keepdims=True)
    return normalized
