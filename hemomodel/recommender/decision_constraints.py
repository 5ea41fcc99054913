"""Consistent recommendations: the recommended levels together break no rule between tasks.

Rules that concern only tasks with levels connect these tasks to a group. The first task of it is
the leading task. Its level is chosen by its own probabilities. For each task that follows, the
level is chosen among those that the rules allow with the levels chosen before.
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

_MOST = 1_000_000  # combinations of levels that are checked


@dataclass(frozen=True, eq=False)
class TaskGroup:
    """Tasks whose levels depend on each other.

    Attributes:
        places: the positions of the tasks among the T tasks, the leading task first.
        allowed: (L_1, L_2, ...), whether a combination of levels is allowed.
    """

    places: tuple[int, ...]
    allowed: NDArray[np.bool_]


def task_groups(schema: Schema, in_use: NDArray[np.bool_]) -> tuple[TaskGroup, ...]:
    """Returns the tasks with levels in groups; a task without a connection is a separate group.

    Args:
        schema: the schema with rules and tasks.
        in_use: (K,), whether a level occurred in the labels; other levels are not allowed, unless
            no combination would be left.

    Raises:
        InputError: the rules allow no combination of levels, or there are too many to check.
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
    """Returns the positions of connected tasks; a task in the `when` of a rule comes first."""
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
            f"schema {schema.name!r}: its rules connect {names}, which have {prod(sizes):,} "
            f"combinations of levels; remove rules until there are {_MOST:,} or fewer"
        )
    allowed = np.ones(sizes, dtype=bool)
    values = _combinations(tasks)
    for rule in rules:
        if set(rule.columns) <= set(values):
            allowed &= ~rule.broken(values).reshape(sizes)
    if not allowed.any():
        raise InputError(
            f"schema {schema.name!r}: its rules allow no combination of levels of {names}; "
            "correct the rules"
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

    The most probable level of each task is the one to choose; together these levels break no rule.
    A level that is in no allowed combination with the levels chosen before gets probability 0.

    P(level) of a follower includes patients for whom the leading task allows only this level. For
    example, P(no dose) includes the patients without an anticoagulant, and their share must be
    subtracted to get the probability for patients with heparin. So from P(level), the P of all
    leading levels that allow only this level is subtracted; the result is at least 0.

    Example:
        Without an anticoagulant, only no dose is allowed. With heparin, all three levels of the
        dose are allowed. For the first patient heparin is more probable. The probabilities of the
        dose are 0.4, 0.5 and 0.1; 0.3, the share without an anticoagulant, is subtracted from no
        dose. The remaining mass 0.1, 0.5 and 0.1 is scaled to a sum of 1. For the second patient no
        anticoagulant is more probable, and only no dose is allowed. The mass 0.5 of the two other
        levels belongs to no allowed combination and is discarded. The 0.5 of no dose is less than
        the 0.6 that is subtracted, so no mass is left. Then the probabilities before the
        subtraction are scaled instead: no dose gets 1.

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
    """Returns (L_1, L): 1 where a leading level allows only that level of a follower, else 0."""
    others = tuple(axis for axis in range(1, group.allowed.ndim) if axis != place)
    together = np.asarray(group.allowed.any(axis=others))
    forced: NDArray[np.float32] = (together & (together.sum(1, keepdims=True) == 1)).astype(
        np.float32
    )
    return forced


def _normalized(mass: Floats, alone: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """Returns the mass over the allowed levels, scaled to a sum of 1 in each row.

    Mass on other levels is discarded. In a row without mass on allowed levels, `alone` replaces the
    mass. If `alone` has no mass there either, the allowed levels are equally probable.
    """
    remaining = np.where(allowed, mass, 0.0)
    for instead in (alone, np.ones_like(alone)):
        empty = ~(remaining.sum(1) > 0)
        remaining[empty] = np.where(allowed[empty], instead[empty], 0.0)
    normalized: Floats = remaining / remaining.sum(1, keepdims=True)
    return normalized
