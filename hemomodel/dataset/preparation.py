"""Builds a stack from a cohort and a design; everything is fitted only on training rows."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer

from hemomodel.arrays import Floats, Mask, Rows
from hemomodel.cohort.cohort import Cohort
from hemomodel.dataset.preprocessor import build_preprocessor
from hemomodel.dataset.splits import Replicates, repeated
from hemomodel.dataset.stack import Stack
from hemomodel.errors import InputError
from hemomodel.schema.entries import Task
from hemomodel.schema.output_slices import is_value_mask

__all__ = ["prepare"]

TargetScale: TypeAlias = Literal["standard", "raw"]


def prepare(
    cohort: Cohort,
    replicates: Replicates,
    *,
    features: str = "default",
    targets: TargetScale = "standard",
    with_test: bool = False,
) -> Stack:
    """Fits the preprocessing of every replicate and returns the stack.

    The stack of a search has no held-out rows.

    Args:
        cohort: the rows; a label may be missing.
        replicates: the design.
        features: the name of a feature set of the schema.
        targets: whether values are scaled on the training rows: regressions are standardised, and
            counts are divided by their mean.
        with_test: whether the stack contains the held-out rows.

    Raises:
        InputError: the cohort is too small for the design, a task with values has a single value
            in training rows, or a task has no label in a part of the rows.
    """
    split, groups = replicates.split(cohort), repeated(cohort.groups)
    rows = np.arange(len(cohort)) if with_test else np.flatnonzero(~split.test)
    train, score = split.train[:, rows], split.validation[:, rows]
    test = np.flatnonzero(split.test[rows])
    table = cohort.table.iloc[rows]
    fitted = tuple(
        build_preprocessor(cohort.schema, features).fit(table.iloc[np.flatnonzero(mask)])
        for mask in train
    )
    tasks, known = cohort.schema.tasks, ~np.isnan(cohort.labels[rows])
    held_out = {"held-out": split.test[None]} if with_test else {}
    _check_known(known, {"training": train, "validation": score} | held_out, tasks)
    labels = _one_hot(cohort.labels[rows], tasks)
    offset, spread = _scales(labels, known, train, tasks, targets)
    (train_rows, train_counts), (score_rows, score_counts) = map(_row_table, (train, score))
    return Stack(
        tasks=tasks,
        pairs=replicates.pairs,
        features=_transformed(fitted, table),
        labels=labels,
        known=known,
        offset=offset,
        spread=spread,
        trivial=_trivial(labels, known, train, tasks),
        train_rows=train_rows,
        train_counts=train_counts,
        score_rows=score_rows,
        score_counts=score_counts,
        rows_per_epoch=split.rows_per_epoch,
        test_rows=test,
        bayes_prediction=None if cohort.bayes_prediction is None else cohort.bayes_prediction[rows],
        preprocessors=fitted,
        groups=None if groups is None else groups[rows],
    )


def _transformed(fitted: Sequence[ColumnTransformer], table: pd.DataFrame) -> Floats:
    """Returns the features (R, N, F) in torch's default precision."""
    dtype = torch.zeros(()).numpy().dtype
    # Row-major: the result of a preprocessing with only one block is column-major.
    return np.stack([preprocessor.transform(table) for preprocessor in fitted]).astype(
        dtype, order="C"
    )


def _check_known(known: Mask, parts: Mapping[str, Mask], tasks: Sequence[Task]) -> None:
    for name, part in parts.items():
        counts = part.astype(np.int64) @ known.astype(np.int64)  # (R, T)
        if not counts.all():
            task = tasks[int(np.argwhere(counts == 0)[0, 1])].name
            raise InputError(
                f"{task} has no label in the {name} rows of a fold; use fewer folds or a "
                "larger table, or remove the task"
            )


def _one_hot(labels: Floats, tasks: Sequence[Task]) -> Floats:
    """Returns labels (N, T) as columns (N, K), zero where a label is missing."""
    blocks = [
        np.nan_to_num(column)[:, None]
        if task.is_value
        else (column[:, None] == np.arange(task.size)).astype(float)
        for column, task in zip(labels.T, tasks, strict=True)
    ]
    return np.concatenate(blocks, axis=1)


def _scales(
    labels: Floats, known: Mask, train: Mask, tasks: Sequence[Task], targets: TargetScale
) -> tuple[Floats, Floats]:
    """Returns offset and spread (R, K) of the targets."""
    offset, spread = np.zeros((len(train), labels.shape[1])), np.ones((len(train), labels.shape[1]))
    columns = np.flatnonzero(is_value_mask(tasks))
    for column, task in zip(columns, _value_tasks(tasks), strict=True):
        for row, mask in enumerate(train):
            values = labels[mask & known[:, task], column]
            if values.std() == 0:
                raise InputError(
                    f"{tasks[task].name} has one value in all training rows of a fold; "
                    "remove the task"
                )
            if targets == "standard":
                offset[row, column], spread[row, column] = _scale(values, tasks[task])
    return offset, spread


def _scale(values: Floats, task: Task) -> tuple[float, float]:
    """Returns offset and spread of a task; for a count, offset 0, because its rate is above 0."""
    if task.kind == "count":
        return 0.0, float(values.mean())
    return float(values.mean()), float(values.std())


def _value_tasks(tasks: Sequence[Task]) -> list[int]:
    return [place for place, task in enumerate(tasks) if task.is_value]


def _trivial(labels: Floats, known: Mask, train: Mask, tasks: Sequence[Task]) -> Floats:
    """Returns log base rates and means (R, K) of the labelled training rows.

    Half a row is added to each level (Jeffreys' prior), so that a level absent from the training
    rows has a probability above zero.
    """
    sizes = np.array([task.size for task in tasks])
    counts = train @ labels
    rows = np.repeat(train.astype(float) @ known, sizes, axis=1)
    rates = (counts + 0.5) / (rows + 0.5 * np.repeat(sizes, sizes))
    is_value = is_value_mask(tasks)
    trivial: Floats = np.where(is_value, counts / rows, np.log(np.where(is_value, 1, rates)))
    return trivial


def _row_table(masks: Mask) -> tuple[Rows, Rows]:
    """Returns masks (R, N) as row numbers (R, longest), padded with 0, and their counts (R,)."""
    counts = masks.sum(1)
    table = np.zeros((len(masks), counts.max()), dtype=np.int64)
    table[np.arange(counts.max()) < counts[:, None]] = np.nonzero(masks)[1]
    return table, counts
