"""The stack: everything R replicates train on, as plain arrays."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hemomodel.schema import Task

__all__ = ["Floats", "Rows", "Stack"]

Floats: TypeAlias = NDArray[np.floating]
Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Stack:
    """R replicates of one cohort, ready to train.

    Row tables are padded with row 0 to the longest replicate; the counts say how many are real.

    Attributes:
        tasks: the T tasks.
        pairs: (seed, fold) of each replicate.
        features: (R, N, F), transformed by what was fitted on the replicate's training rows.
        labels: (N, K), one-hot levels and flows in mL/min.
        offset, spread: (R, K), target = (label - offset) / spread; 0 and 1 for levels.
        trivial: (R, K), what a model without features predicts: log base rates and means, from the
            training rows.
        train_rows: (R, n) with train_counts (R,).
        score_rows: (R, m) with score_counts (R,): validation rows, or held-out ones.
        rows_per_epoch: how many of its training rows a replicate sees in an epoch.
        optimum: (N, K), the oracle in the layout of the labels, where there is one.
        preprocessors: R fitted transformers; training does without them.
    """

    tasks: tuple[Task, ...]
    pairs: tuple[tuple[int, int], ...]
    features: Floats
    labels: Floats
    offset: Floats
    spread: Floats
    trivial: Floats
    train_rows: Rows
    train_counts: Rows
    score_rows: Rows
    score_counts: Rows
    rows_per_epoch: int
    optimum: Floats | None
    preprocessors: tuple[Any, ...]
