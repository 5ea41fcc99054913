"""Columns of tasks of different sizes as one padded block, without a loop over tasks."""

import torch
from torch import Tensor

__all__ = ["PaddedBlocks"]


class PaddedBlocks:
    """The positions of the columns of T' tasks in a padded block (T', L).

    L is the number of columns of the widest task.

    Attributes:
        tasks: (T',), the positions of these tasks among all T.
        columns: (K',), the positions of their columns among all K.
        filled: (T', L) bool, where a task has a column.
        inner: (T', L) bool, where it has a column that is not its last.
    """

    def __init__(self, starts: Tensor, sizes: Tensor, tasks: Tensor) -> None:
        """Computes the layout of the block.

        Args:
            starts: (T,), each task's first column among all K.
            sizes: (T,), the number of columns of each task.
            tasks: (T',), the positions of one or more tasks.
        """
        self.tasks, starts, sizes = tasks, starts[tasks], sizes[tasks]
        level = torch.arange(int(sizes.max()), device=sizes.device)
        self.filled = level < sizes[:, None]
        self.inner = level < sizes[:, None] - 1
        self._void = ~self.filled
        self._into = torch.where(self.filled, starts[:, None] + level, 0).flatten()
        self._back = self.filled.flatten().nonzero().squeeze(1)
        self.columns = self._into[self._back]

    def scatter(self, columns: Tensor, void: float = 0.0) -> Tensor:
        """Returns these tasks' columns of (..., K) as (..., T', L), with `void` as padding."""
        padded = columns.index_select(-1, self._into)
        return padded.view(*columns.shape[:-1], *self.filled.shape).masked_fill_(self._void, void)

    def gather(self, padded: Tensor) -> Tensor:
        """Returns (..., T', L) as columns (..., K'), without the padding."""
        return padded.flatten(-2).index_select(-1, self._back)

    def write(self, padded: Tensor, columns: Tensor) -> Tensor:
        """Returns columns (..., K) with these tasks' columns replaced from (..., T', L)."""
        return columns.index_copy(-1, self.columns, self.gather(padded))
