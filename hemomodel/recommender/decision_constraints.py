"""Recommendations that go together: no level that breaks a rule of the schema with another.

The rules that speak of tasks with levels alone tie those tasks together. Of the tasks tied, one
leads: it is chosen by its own probability. Each that follows is chosen among the levels that the
rules allow with those chosen before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

import numpy as np
from numpy.typing import NDArray

from hemomodel.arrays import Floats
from hemomodel.errors import InputError
from hemomodel.schema import formula
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
    own = task_slices(tasks)
    return tuple(
        _task_group(schema, group, rules, [in_use[own[place]] for place in group])
        for group in _groups(place_of, rules)
    )


def _groups(place_of: dict[str, int], rules: Sequence[Rule]) -> list[tuple[int, ...]]:
    """Returns the places of tasks that rules connect; what a rule asks `when` about leads."""
    group_of = {place: {place} for place in place_of.values()}
    for rule in rules:
        joined = set().union(*(group_of[place_of[name]] for name in rule.columns))
        group_of |= dict.fromkeys(joined, joined)
    asked = {place_of[n] for rule in rules if rule.when for n in formula.columns_in(rule.when)}
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
            holds = formula.evaluate(rule.must, values)
            if rule.when is not None:
                holds = holds | ~formula.evaluate(rule.when, values)
            allowed &= holds.reshape(sizes)
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
    places = np.indices(sizes).reshape(len(sizes), -1)
    return {
        task.column: np.array(task.levels, dtype=_kind(task))[own]
        for task, own in zip(tasks, places, strict=True)
    }


def _kind(task: Task) -> type:
    return object if isinstance(task.levels[0], str) else float


def apply_constraints(tied: TaskGroup, probabilities: Sequence[Floats]) -> list[Floats]:
    """Returns the probabilities (N, L) of each tied task, given the levels chosen before it.

    The likeliest level of each is the one to choose: they break no rule together. A level that is
    not allowed has no chance. What the leading task's other levels force on a follower explains a
    part of its probability: P(no dose) holds the patients without an anticoagulant, and has to be
    rid of them before it speaks of those with heparin. So of P(level), the P of those leading
    levels with which it is the only one is taken away, as far as it goes.

    Args:
        tied: the tasks.
        probabilities: (N, L) of each.
    """
    found: list[Floats] = []
    chosen: list[NDArray[np.int64]] = []
    for place, own in enumerate(probabilities):
        together = np.asarray(tied.allowed.any(axis=tuple(range(place + 1, tied.allowed.ndim))))
        allowed = np.broadcast_to(together[tuple(chosen)] if chosen else together, own.shape)
        mass = own if not place else np.maximum(own - probabilities[0] @ _forced(tied, place), 0)
        found.append(_normalised(mass, own, allowed))
        chosen.append(found[-1].argmax(1))
    return found


def _forced(tied: TaskGroup, place: int) -> NDArray[np.float32]:
    """Returns (L_1, L): one where a leading level leaves a follower a single level, that one."""
    others = tuple(axis for axis in range(1, tied.allowed.ndim) if axis != place)
    together = np.asarray(tied.allowed.any(axis=others))
    forced: NDArray[np.float32] = (together & (together.sum(1, keepdims=True) == 1)).astype(
        np.float32
    )
    return forced


def _normalised(mass: Floats, own: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """Returns the mass over the allowed levels; of rows without any, their own; else alike."""
    kept = np.where(allowed, mass, 0.0)
    for instead in (own, np.ones_like(own)):
        empty = ~(kept.sum(1) > 0)
        kept[empty] = np.where(allowed[empty], instead[empty], 0.0)
    normalised: Floats = kept / kept.sum(1, keepdims=True)
    return normalised
