"""The positions of each task's columns among the K columns of a prediction."""

from collections.abc import Sequence

import numpy as np

from hemomodel.arrays import Mask
from hemomodel.schema.entries import Task

__all__ = ["is_value_mask", "task_slices"]


def task_slices(tasks: Sequence[Task]) -> list[slice]:
    """Returns the columns of each task, in order."""
    ends = np.cumsum([task.size for task in tasks]).tolist()
    return [slice(end - task.size, end) for task, end in zip(tasks, ends, strict=True)]


def is_value_mask(tasks: Sequence[Task]) -> Mask:
    """Returns (K,) bool: whether a column is a value, not the probability of a level."""
    return np.repeat([task.is_value for task in tasks], [task.size for task in tasks])
