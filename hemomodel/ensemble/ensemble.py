"""R replicates as one predictor: the mean of their probabilities and values."""

from collections.abc import Callable, Sequence
from math import log

import torch
from torch import Tensor

from hemomodel.arrays import Floats
from hemomodel.ensemble.predictor import Predictor
from hemomodel.network.heads import HeadLayout
from hemomodel.schema.entries import Task

__all__ = ["Ensemble", "average_predictions"]


_BLOCK = 1 << 18  # numbers of the widest layer per block, so that they fit the cache of a core


def average_predictions(layout: HeadLayout, natural: Tensor) -> Tensor:
    """Returns an ensemble's prediction (m, K): log of the mean probabilities, mean of the values.

    The mean of probabilities is the linear opinion pool of deep ensembles (Lakshminarayanan et
    al., NeurIPS 2017, section 2.4).

    Args:
        layout: of the columns.
        natural: (R, m, K), log-probabilities that sum to one, and values in the label's unit.
    """
    mean_log = natural.logsumexp(0) - log(len(natural))
    return torch.where(layout.is_value, natural.mean(0), mean_log)


class Ensemble:
    """Maps a design matrix (N, P) to the mean prediction (N, K) of R replicates.

    Attributes:
        predictor: of the replicates.
        layout: of the K columns.
    """

    def __init__(
        self, tasks: Sequence[Task], predictor: Predictor, dtype: torch.dtype = torch.float32
    ) -> None:
        """Prepares the mean.

        Args:
            tasks: of the predictions.
            predictor: of the replicates.
            dtype: of the computation, as in the predictor.
        """
        self.predictor, self.dtype = predictor, dtype
        self.layout = HeadLayout(tasks, dtype)
        self._tiny = torch.finfo(dtype).tiny

    def __call__(self, design: Floats) -> Floats:
        """Returns the mean of the replicates' predictions (N, K), like `average_predictions`.

        Args:
            design: (N, P).
        """
        return self._natural(design, lambda predictions, _: predictions.mean(0))

    def weighted(self, design: Floats, weights: Floats) -> Floats:
        """Returns the weighted mean of the replicates' predictions (N, K).

        Args:
            design: (N, P).
            weights: (R, N), of each replicate in the mean of a row; they sum to 1 for each row.
        """
        of_rows = torch.from_numpy(weights).to(self.dtype).unsqueeze(2)
        return self._natural(
            design, lambda predictions, rows: (predictions * of_rows[:, rows]).sum(0)
        )

    def calibrated(self, design: Floats, temperatures: Floats, committees: Floats) -> Floats:
        """Returns the mean (N, K) of the tempered predictions of committees of replicates.

        Args:
            design: (N, P).
            temperatures: (T,), fitted for a committee.
            committees: (C, R), the weight of each replicate in a committee's mean.
        """
        cooling = torch.from_numpy(1 / temperatures).to(self.dtype)[self.layout.task_of]
        members = torch.from_numpy(committees).to(self.dtype)

        def combine(predictions: Tensor, _: slice) -> Tensor:
            each = (members @ predictions.flatten(1)).unflatten(1, predictions.shape[1:])
            powers = each.clamp_min(self._tiny).pow_(cooling)
            return torch.where(self.layout.is_value, each, self._normalized(powers)).mean(0)

        return self._natural(design, combine)

    @torch.no_grad()
    def _natural(self, design: Floats, combine: Callable[[Tensor, slice], Tensor]) -> Floats:
        """Returns natural predictions (N, K), a few rows at a time.

        Args:
            design: (N, P).
            combine: maps the predictions (R, m, K) for some rows, and the slice of these rows
                in the design, to one prediction (m, K).
        """
        x = torch.from_numpy(design).to(self.dtype)
        size = max(1, _BLOCK // self.predictor.numbers_per_row)
        parts = []
        for start in range(0, len(x), size):
            rows = slice(start, start + size)
            mean = combine(self.predictor.predictions(x[rows]), rows)
            log_p = mean.clamp_min(self._tiny).log_()
            parts.append(torch.where(self.layout.is_value, mean, log_p))
        pooled: Floats = torch.cat(parts).numpy()
        return pooled

    def _normalized(self, positive: Tensor) -> Tensor:
        """Returns numbers (..., K) divided by their sum in each task."""
        total = positive @ self.layout.member
        return positive / total.index_select(-1, self.layout.task_of)
