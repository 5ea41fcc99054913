"""A stack as tensors on a device, and batches of its rows."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hemomodel.arrays import Float64s, Rows
from hemomodel.dataset.stack import Stack
from hemomodel.network.heads import HeadLayout
from hemomodel.training.metrics import ScoringData, row_losses
from hemomodel.training.scored_rows import ScoredRows, padding_mask, row_weights
from hemomodel.typing import Features, Outputs, Targets

__all__ = ["Batch", "DeviceStack", "as_array"]


def as_array(tensor: Tensor) -> Float64s:
    """Returns a tensor of any device as an array in double precision."""
    return np.asarray(tensor.double().cpu())


class Batch(NamedTuple):
    """Some rows of each replicate.

    features: (R, B, F). targets: (R, B, K), in the targets' own scale.
    known: (R, B, T), 1 where a row has a label of a task; None if every row has every label.
    """

    features: Features
    targets: Targets
    known: Tensor | None

    def slices(self, size: int) -> "list[Batch]":
        """Returns the batch in parts of `size` rows; the last part may be shorter."""
        x, y = self.features.split(size, 1), self.targets.split(size, 1)
        known = [None] * len(x) if self.known is None else self.known.split(size, 1)
        return [Batch(*part) for part in zip(x, y, known, strict=True)]


class DeviceStack:
    """The tables of a stack, in torch's default dtype.

    Attributes:
        layout: of the outputs.
        width: F, the number of features.
    """

    def __init__(self, stack: Stack, device: str) -> None:
        def tensor(array: Any) -> Tensor:
            return torch.from_numpy(np.array(array, dtype=_dtype_for(array))).to(device)

        self.layout = HeadLayout(stack.tasks, torch.get_default_dtype(), device)
        self.width = stack.features.shape[2]
        self._features = tensor(stack.features)
        self._labels = tensor(stack.labels)
        self._known = tensor(stack.known.astype(np.float64))
        self._complete = bool(stack.known.all())
        best = stack.bayes_prediction
        self._bayes_prediction = None if best is None else tensor(best)
        self._offset = tensor(stack.offset).unsqueeze(1)
        self._spread = tensor(stack.spread).unsqueeze(1)
        self._trivial = tensor(stack.trivial)
        self.train_rows = tensor(stack.train_rows)
        self.is_padding = tensor(padding_mask(stack.train_rows, stack.train_counts))

    @property
    def trivial_outputs(self) -> Outputs:
        """The outputs (R, K) of the trivial predictor: base rates, and means of values."""
        offset, spread = self._offset.squeeze(1), self._spread.squeeze(1)
        return self.layout.outputs_for(self._trivial, offset, spread)

    def gather(self, rows: Tensor) -> Batch:
        """Returns the rows with the row numbers (R, n)."""
        replicates, count, width = self._features.shape
        start = torch.arange(replicates, device=rows.device).unsqueeze(1) * count
        x = self._features.view(-1, width).index_select(0, (rows + start).flatten())
        y = self._labels.index_select(0, rows.flatten()).view(*rows.shape, -1)
        known = None if self._complete else self._known[rows]
        return Batch(x.view(*rows.shape, width), (y - self._offset) / self._spread, known)

    def scored(self, rows: Rows, counts: Rows) -> ScoredRows:
        """Returns rows to score on.

        Args:
            rows: (R, m), padded row numbers.
            counts: (R,), the number of rows without padding.
        """
        index = torch.from_numpy(np.array(rows)).to(self._labels.device)
        is_padding = torch.from_numpy(padding_mask(rows, counts)).to(index.device)
        batch = self.gather(index)
        share = row_weights(self._known[index], is_padding)
        # In the targets' own scale; each loss has the same form there as in natural units.
        trivial = (self._trivial.unsqueeze(1) - self._offset) / self._spread
        trivial_rows = row_losses(self.layout, trivial.expand_as(batch.targets), batch.targets)
        return ScoredRows(
            layout=self.layout,
            features=batch.features,
            targets=batch.targets,
            offset=self._offset,
            spread=self._spread,
            scoring_targets=ScoringData(
                labels=batch.targets * self._spread + self._offset,
                share=share,
                trivial=self._trivial,
                optimum=None if self._bayes_prediction is None else self._bayes_prediction[index],
            ),
            trivial_loss=(trivial_rows * share).sum(1),
        )


def _dtype_for(array: np.ndarray) -> np.dtype | None:
    return torch.zeros(()).numpy().dtype if array.dtype.kind == "f" else array.dtype
