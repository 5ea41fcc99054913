"""From a cohort and a design to a stack, with all that is fitted fitted on training rows."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import torch

from hemomodel.cohort import Cohort
from hemomodel.errors import InputError
from hemomodel.features import preprocessor
from hemomodel.replicates import Mask, Replicates
from hemomodel.schema import Task
from hemomodel.stack import Floats, Rows, Stack

__all__ = ["prepare"]

TargetScale: TypeAlias = Literal["standard", "raw"]


def prepare(
    cohort: Cohort,
    replicates: Replicates,
    *,
    features: str = "pretreatment",
    targets: TargetScale = "standard",
    score_on: Literal["validation", "test"] = "validation",
) -> Stack:
    """Fits the preprocessing of every replicate and lays out the stack.

    Rows that a stack does not need are not in it: a search on `validation` holds no held-out row.

    Args:
        cohort: the rows.
        replicates: the design.
        features: the name of a feature set of the schema.
        targets: whether regression targets are standardised on the training rows.
        score_on: which rows are scored.

    Raises:
        InputError: the cohort is too small for the design, or a flow has a single value.
    """
    split = replicates.split(cohort)
    kept = np.flatnonzero(~split.test) if score_on == "validation" else np.arange(len(cohort))
    train = split.train[:, kept]
    score = split.validation[:, kept]
    if score_on == "test":
        score = np.broadcast_to(split.test, train.shape)
    table = cohort.table.iloc[kept]
    fitted = tuple(
        preprocessor(cohort.schema, features).fit(table.iloc[np.flatnonzero(rows)])
        for rows in train
    )
    dtype = torch.zeros(()).numpy().dtype
    labels = _one_hot(cohort, kept)
    offset, spread = _scales(labels, train, cohort.schema.tasks, targets)
    train_rows, train_counts = _row_table(train)
    score_rows, score_counts = _row_table(score)
    return Stack(
        tasks=cohort.schema.tasks,
        pairs=replicates.pairs,
        features=np.stack([model.transform(table) for model in fitted]).astype(dtype),
        labels=labels,
        offset=offset,
        spread=spread,
        trivial=_trivial(labels, train, cohort.schema.tasks),
        train_rows=train_rows,
        train_counts=train_counts,
        score_rows=score_rows,
        score_counts=score_counts,
        rows_per_epoch=split.rows_per_epoch,
        optimum=None if cohort.optimum is None else cohort.optimum[kept],
        preprocessors=fitted,
    )


def _one_hot(cohort: Cohort, kept: Rows) -> Floats:
    """Spreads the labels of the kept rows over columns (N, K)."""
    labels, tasks = cohort.labels[kept], cohort.schema.tasks
    if np.isnan(labels).any():
        row, task = np.argwhere(np.isnan(labels))[0]
        raise InputError(f"row {kept[row]} of the cohort has no {tasks[task].name}; filter it out")
    blocks = [
        column[:, None] if task.kind == "regression" else np.eye(task.size)[column.astype(int)]
        for column, task in zip(labels.T, tasks, strict=True)
    ]
    return np.concatenate(blocks, axis=1)


def _is_value(tasks: Sequence[Task]) -> Mask:
    return np.repeat([task.kind == "regression" for task in tasks], [task.size for task in tasks])


def _scales(
    labels: Floats, train: Mask, tasks: Sequence[Task], targets: TargetScale
) -> tuple[Floats, Floats]:
    """Returns offset and spread (R, K) of the targets."""
    offset, spread = np.zeros((len(train), labels.shape[1])), np.ones((len(train), labels.shape[1]))
    values = _is_value(tasks)
    for row, mask in enumerate(train):
        deviation = labels[mask][:, values].std(0)
        if (deviation == 0).any():
            name = [task.name for task in tasks if task.kind == "regression"][deviation.argmin()]
            raise InputError(f"{name} has one value in all training rows; leave that task out")
        if targets == "standard":
            offset[row, values] = labels[mask][:, values].mean(0)
            spread[row, values] = deviation
    return offset, spread


def _trivial(labels: Floats, train: Mask, tasks: Sequence[Task]) -> Floats:
    """Returns log base rates and means (R, K) of the training rows.

    Half a row is added to each level (Jeffreys' prior), so that a level absent from the training
    rows has a chance above zero.
    """
    counts = train @ labels
    rows = train.sum(1, keepdims=True)
    levels = np.repeat([task.size for task in tasks], [task.size for task in tasks])
    rates = (counts + 0.5) / (rows + 0.5 * levels)
    trivial: Floats = np.where(_is_value(tasks), counts / rows, np.log(rates))
    return trivial


def _row_table(masks: Mask) -> tuple[Rows, Rows]:
    """Turns masks (R, N) into row numbers (R, longest), padded with 0, and their counts (R,)."""
    counts = masks.sum(1)
    table = np.zeros((len(masks), counts.max()), dtype=np.int64)
    table[np.arange(counts.max()) < counts[:, None]] = np.nonzero(masks)[1]
    return table, counts
