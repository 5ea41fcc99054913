"""All heads side by side: the columns of each task's outputs, and the loss of each task.

The K outputs of the T heads are one matrix. So the number of operations per step does not depend
on the number of tasks.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from hemomodel.network.likelihoods import (
    continuation_logits,
    continuation_ratio,
    continuation_slopes,
    half_deviance,
    log_rate_losses,
    poisson_rate,
)
from hemomodel.network.padded_blocks import PaddedBlocks
from hemomodel.schema.entries import Task
from hemomodel.typing import Losses, Natural, Outputs, Targets

__all__ = ["HeadLayout"]


class HeadLayout:
    """The layout of the outputs of T tasks in K columns, and the task losses computed from it.

    Binary tasks and classifications: logits, and cross-entropy in nats. Ordinal tasks: the logits
    of continuation ratios, and cross-entropy; the last column has no ratio and is not used, so that
    outputs and labels have the same layout. Regressions: the value, and squared error. Counts: the
    log of the rate, and half the Poisson deviance. Regressions and counts are in the target's own
    scale. All losses are means over the batch.

    Attributes:
        width: K.
        member: (K, T), 1 where a column belongs to a task.
        task_of: (K,), the task that a column belongs to.
        has_value: (T,) bool, true for the tasks with one value and no levels.
        is_value: (K,) bool, the same per column.
        regression: (T,) bool, true for the tasks whose loss is a squared error.
        ordinal: the positions of the columns of the ordinal tasks; None if there is no such task.
    """

    def __init__(
        self, tasks: Sequence[Task], dtype: torch.dtype | None = None, device: str = "cpu"
    ) -> None:
        def are(*kinds: str) -> Tensor:
            return torch.tensor([task.kind in kinds for task in tasks], device=device)

        self.sizes = torch.tensor([task.size for task in tasks], device=device)
        self.width = int(self.sizes.sum())
        self.starts = self.sizes.cumsum(0) - self.sizes
        self.task_of = torch.repeat_interleave(self.sizes)
        self.member = torch.nn.functional.one_hot(self.task_of, len(tasks)).to(
            dtype or torch.get_default_dtype()
        )
        self.regression, self.has_value = are("regression"), are("regression", "count")
        self.is_value = self.has_value[self.task_of]
        every = torch.arange(len(tasks), device=device)
        self._every = PaddedBlocks(self.starts, self.sizes, every)
        # A kind of task that the schema does not have costs no computation.
        ordered, counted = every[are("ordinal")], self.starts[are("count")]
        self.ordinal = PaddedBlocks(self.starts, self.sizes, ordered) if len(ordered) else None
        self._counts = counted if len(counted) else None

    def log_probabilities(self, natural: Natural) -> Tensor:
        """Returns (..., K) log probabilities of the levels; zero for values.

        Args:
            natural: (..., K), logarithms of numbers that are proportional to the probabilities
                within a task.
        """
        return self._every.gather(self._every.scatter(natural, -torch.inf).log_softmax(-1))

    def natural(self, outputs: Outputs, offset: Tensor, spread: Tensor) -> Natural:
        """Converts outputs (..., K) to log probabilities, and to values in the label's unit.

        Args:
            outputs: (..., K).
            offset: of the targets, see `hemomodel.dataset.stack.Stack`;
                it broadcasts over the outputs.
            spread: of the targets, see `offset`.
        """
        values = outputs
        if self._counts is not None:
            rates = poisson_rate(outputs.index_select(-1, self._counts))
            values = outputs.index_copy(-1, self._counts, rates)
        return torch.where(self.is_value, values * spread + offset, self._log_levels(outputs))

    def outputs_for(self, natural: Natural, offset: Tensor, spread: Tensor) -> Outputs:
        """Returns outputs (..., K) for which `natural` returns these predictions.

        Args:
            natural: (..., K), log probabilities, and values in the label's unit; the mean of a
                count is above zero.
            offset: as for `natural`.
            spread: as for `natural`.
        """
        values = (natural - offset) / spread
        if self._counts is not None:
            log_rates = values.index_select(-1, self._counts).log()
            values = values.index_copy(-1, self._counts, log_rates)
        outputs = torch.where(self.is_value, values, natural)
        if self.ordinal is None:
            return outputs
        log_p = self.ordinal.scatter(natural, -torch.inf)
        return self.ordinal.write(continuation_logits(log_p, self.ordinal.inner), outputs)

    def losses(
        self, outputs: Outputs, targets: Targets, known: Tensor | None = None
    ) -> tuple[Losses, Outputs]:
        """Returns the task losses and their slopes.

        Args:
            outputs: (R, B, K).
            targets: (R, B, K); an unknown label can be any finite number.
            known: (R, B, T), 1 where a row has a label of a task; by default every row has.

        Returns:
            losses: (R, T), means over the batch's labelled rows; zero if there are none.
            slopes: (R, B, K), the derivative of the *sum* of a replicate's task losses by each
                output. A column belongs to one task, so its slope comes only from that task.
        """
        by_column, slopes = self.row_losses(outputs, targets)
        if known is None:
            rows = outputs.shape[-2]
            return by_column.sum(-2) @ self.member / rows, slopes / rows
        share = (known / known.sum(-2, keepdim=True).clamp_min(1)).index_select(-1, self.task_of)
        return (by_column * share).sum(-2) @ self.member, slopes * share

    def row_losses(self, outputs: Outputs, targets: Targets) -> tuple[Tensor, Tensor]:
        """Returns each row's loss, split by column (R, B, K), and its slopes (R, B, K)."""
        log_p = self._log_levels(outputs)
        error = outputs - targets
        by_column = torch.where(self.is_value, error.square(), -targets * log_p)
        slopes = torch.where(self.is_value, 2 * error, log_p.exp() - targets)
        if self.ordinal is not None:
            logits, levels = self.ordinal.scatter(outputs), self.ordinal.scatter(targets)
            slopes = self.ordinal.write(
                continuation_slopes(logits, levels, self.ordinal.inner), slopes
            )
        if self._counts is not None:
            counts = (part.index_select(-1, self._counts) for part in (outputs, targets))
            loss, slope = log_rate_losses(*counts)
            by_column = by_column.index_copy(-1, self._counts, loss)
            slopes = slopes.index_copy(-1, self._counts, slope)
        return by_column, slopes

    def natural_losses(self, natural: Natural, labels: Targets) -> Tensor:
        """Returns each row's loss, split by column (..., K), for predictions from `natural`.

        Args:
            natural: (..., K), as for `log_probabilities`, and values in the labels' unit.
            labels: (..., K), one-hot levels or probabilities, and values.
        """
        log_p = self.log_probabilities(natural)
        squares = (natural - labels).square()
        by_column = torch.where(self.is_value, squares, -labels * log_p)
        if self._counts is None:
            return by_column
        counts = (part.index_select(-1, self._counts) for part in (natural, labels))
        return by_column.index_copy(-1, self._counts, half_deviance(*counts))

    def _log_levels(self, outputs: Outputs) -> Tensor:
        """Returns (..., K) log probabilities of the levels from outputs; zero for values."""
        log_p = self.log_probabilities(outputs)
        if self.ordinal is None:
            return log_p
        ratios = continuation_ratio(self.ordinal.scatter(outputs), self.ordinal.inner)
        return self.ordinal.write(ratios, log_p)
