"""The stack: all data that R replicates are trained on, as plain arrays."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hemomodel.arrays import Floats, Mask, Rows
from hemomodel.schema.entries import Task

__all__ = ["Stack"]


@dataclass(frozen=True)
class Stack:
    """R replicates of one cohort, ready to train.

    Row tables are padded with row 0 to the longest replicate; the counts exclude the padding.

    Attributes:
        tasks: the T tasks.
        pairs: (seed, fold) of each replicate.
        features: (R, N, F), transformed by the preprocessing that was fitted on the replicate's
            training rows.
        labels: (N, K), one-hot levels and values in the task's unit; zero where a label is unknown.
        known: (N, T), whether a row has a label of a task.
        offset, spread: (R, K), target = (label - offset) / spread; 0 and 1 for levels. The offset
            of a count is 0.
        trivial: (R, K), the predictions of the trivial predictor: log base rates and means, from
            the training rows.
        train_rows: (R, n) with train_counts (R,).
        score_rows: (R, m) with score_counts (R,): validation rows.
        rows_per_epoch: the number of training rows that a replicate sees per epoch.
        test_rows: (m',), held-out rows; empty if the stack has none.
        bayes_prediction: (N, K), the oracle in the layout of the labels, or None.
        preprocessors: R fitted transformers; training does not use them.
        groups: (N,), one number per row, the same in all rows of one person; None if no person has
            two rows.
    """

    tasks: tuple[Task, ...]
    pairs: tuple[tuple[int, int], ...]
    features: Floats
    labels: Floats
    known: Mask
    offset: Floats
    spread: Floats
    trivial: Floats
    train_rows: Rows
    train_counts: Rows
    score_rows: Rows
    score_counts: Rows
    rows_per_epoch: int
    test_rows: Rows
    bayes_prediction: Floats | None
    preprocessors: tuple[Any, ...]
    groups: Rows | None

    def __getitem__(self, chosen: slice) -> "Stack":
        """Returns the chosen replicates."""
        leading = {
            *("pairs", "features", "offset", "spread", "trivial", "preprocessors"),
            *("train_rows", "train_counts", "score_rows", "score_counts"),
        }
        return replace(self, **{name: getattr(self, name)[chosen] for name in leading})

    @property
    def held_out(self) -> tuple[Rows, Rows]:
        """Row numbers (R, m') of the held-out rows, equal in all replicates, and counts (R,)."""
        rows = np.broadcast_to(self.test_rows, (len(self.pairs), len(self.test_rows)))
        return rows, np.full(len(self.pairs), len(self.test_rows))
