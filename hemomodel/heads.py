"""All heads side by side: where each task's outputs stand, and the loss of each task.

The K outputs of the T heads are one matrix, so that a step costs the same few operations
however many tasks there are.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from hemomodel.schema import Task
from hemomodel.shapes import Losses, Outputs, Targets

__all__ = ["HeadLayout"]


class HeadLayout:
    """The layout of the outputs of T tasks in K columns, and the tasks' losses in it.

    Classification: cross-entropy in nats. Regression: squared error in the target's own scale.
    Both are means over the batch.

    Attributes:
        width: K.
        member: (K, T), one where a column belongs to a task.
        regression: (T,) bool, true for the regression tasks.
    """

    def __init__(
        self, tasks: Sequence[Task], dtype: torch.dtype | None = None, device: str = "cpu"
    ) -> None:
        self.sizes = torch.tensor([task.size for task in tasks], device=device)
        self.width = int(self.sizes.sum())
        self.starts = self.sizes.cumsum(0) - self.sizes
        self.task_of = torch.repeat_interleave(self.sizes)
        self.member = torch.nn.functional.one_hot(self.task_of, len(tasks)).to(
            dtype or torch.get_default_dtype()
        )
        self.regression = torch.tensor([task.is_value for task in tasks], device=device)
        self.is_value = self.regression[self.task_of]
        widest = int(self.sizes.max())
        level = torch.arange(widest, device=device)
        filled = level < self.sizes[:, None]
        self._padded = torch.where(filled, self.starts[:, None] + level, 0).flatten()
        self._void = torch.where(filled, 0.0, -torch.inf).to(self.member)
        self._back = filled.flatten().nonzero().squeeze(1)

    def log_probabilities(self, outputs: Outputs) -> Tensor:
        """Returns (..., K) log class probabilities, normalised within a task; zero for values."""
        shape = (*outputs.shape[:-1], *self._void.shape)
        padded = outputs.index_select(-1, self._padded).view(shape)
        padded = (padded + self._void).log_softmax(-1).flatten(-2)
        return padded.index_select(-1, self._back)

    def losses(
        self, outputs: Outputs, targets: Targets, known: Tensor | None = None
    ) -> tuple[Losses, Outputs]:
        """Returns the task losses and their slopes.

        Args:
            outputs: (R, B, K).
            targets: (R, B, K); what stands for an unknown label does not matter if it is finite.
            known: (R, B, T), one where a row has a label of a task; every row if not given.

        Returns:
            losses: (R, T), means over the batch's labelled rows; zero where there is none.
            slopes: (R, B, K), the derivative of the *sum* of a replicate's task losses by each
                output. A column belongs to one task, so its slope is that task's alone.
        """
        by_column, slopes = self.row_losses(outputs, targets)
        if known is None:
            rows = outputs.shape[-2]
            return by_column.sum(-2) @ self.member / rows, slopes / rows
        share = (known / known.sum(-2, keepdim=True).clamp_min(1)).index_select(-1, self.task_of)
        return (by_column * share).sum(-2) @ self.member, slopes * share

    def row_losses(self, outputs: Outputs, targets: Targets) -> tuple[Tensor, Tensor]:
        """Returns each row's loss spread over the columns (R, B, K), and its slopes (R, B, K)."""
        log_p = self.log_probabilities(outputs)
        error = outputs - targets
        by_column = torch.where(self.is_value, error.square(), -targets * log_p)
        return by_column, torch.where(self.is_value, 2 * error, log_p.exp() - targets)
