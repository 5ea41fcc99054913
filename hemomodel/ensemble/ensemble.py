"""R networks as one predictor: the mean of their probabilities and values."""

from collections.abc import Callable, Mapping, Sequence
from math import log

import numpy as np
import torch
from torch import Tensor

from hemomodel.arrays import Floats
from hemomodel.network.heads import HeadLayout
from hemomodel.schema.entries import Task
from hemomodel.typing import Outputs

__all__ = ["Ensemble", "average_predictions"]


_BLOCK = 1 << 18  # numbers of the widest layer per block, so that they fit the cache of a core
_FAINT = 1e-25  # below this, a sum of exponentials has lost digits
_SOFTMAX = ("binary", "classification", "regression")


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

    Each replicate has G networks: one for all tasks, or one for each task.

    Attributes:
        layers: (weights, biases): (R x G, H_in, H_out) and (R x G, 1, H_out). Those of the first
            layer are (P, R x G x H) and (R x G x H,), with the preprocessing folded in. Those of
            the last layer are (R, G x H, K) and (R, 1, K), zero where a network does not predict a
            task.
        direct: (P, R x K), the weights of the linear path, with the preprocessing folded in; None
            without such a path.
        offset, spread: (R, 1, K), natural = own scale * spread + offset.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        preprocessing: tuple[Floats, Floats],
        layers: Mapping[str, Floats],
        scale: tuple[Floats, Floats],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Folds the preprocessing into the first layer, in double precision.

        Args:
            tasks: of the outputs.
            preprocessing: map (R, P, F) and shift (R, F), from `folded_preprocessing`.
            layers: by name, as in a `FittedModel`.
            scale: offset and spread of the targets, (R, K).
            dtype: of the computation.
        """
        layout = HeadLayout(tasks, dtype)
        linear, shift = (torch.from_numpy(part) for part in preprocessing)
        (first, first_bias), *middle, (last, last_bias) = (
            (_double(layers[f"layer{place}.weight"]), _double(layers[f"layer{place}.bias"]))
            for place in range(len(layers) // 2)
        )
        folded = torch.einsum("rpf,rgfh->prgh", linear, first)
        folded_bias = torch.einsum("rf,rgfh->rgh", shift, first) + first_bias
        # (G, K): 1 where a network predicts a column.
        predicts = layout.member.T.double() if last.shape[1] > 1 else torch.ones(1, layout.width)
        last_bias = (last_bias * predicts).sum(1)
        self.direct: Tensor | None = None
        if "direct.weight" in layers:
            direct = (_double(layers["direct.weight"]) * predicts.unsqueeze(1)).sum(1)  # (R, F, K)
            last_bias = last_bias + torch.einsum("rf,rfk->rk", shift, direct)
            self.direct = torch.einsum("rpf,rfk->prk", linear, direct).flatten(1).to(dtype)
        self.layers = [
            (folded.flatten(1).to(dtype), folded_bias.flatten().to(dtype)),
            *(
                (weight.flatten(0, 1).to(dtype), bias.flatten(0, 1).unsqueeze(1).to(dtype))
                for weight, bias in middle
            ),
            (
                (last * predicts.unsqueeze(1)).flatten(1, 2).to(dtype),
                last_bias.unsqueeze(1).to(dtype),
            ),
        ]
        self.offset, self.spread = (torch.from_numpy(part).unsqueeze(1).to(dtype) for part in scale)
        self.layout, self.dtype = layout, dtype
        self._tiny = torch.finfo(dtype).tiny
        self._is_softmax = all(task.kind in _SOFTMAX for task in tasks)
        self.replicates, self.networks = first.shape[:2]

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
            combine: maps the `_predictions` (R, m, K) for some rows, and the slice of these rows
                in the design, to one prediction (m, K).
        """
        x = torch.from_numpy(design).to(self.dtype)
        size = max(1, _BLOCK // max(bias.numel() for _, bias in self.layers))
        parts = []
        for start in range(0, len(x), size):
            rows = slice(start, start + size)
            mean = combine(self._predictions(self.outputs(x[rows])), rows)
            log_p = mean.clamp_min(self._tiny).log_()
            parts.append(torch.where(self.layout.is_value, mean, log_p))
        pooled: Floats = torch.cat(parts).numpy()
        return pooled

    def _predictions(self, outputs: Outputs) -> Tensor:
        """Returns probabilities and values (R, m, K).

        A faster way is used for many patients: one exponential of all columns, and the sum per
        task by a matrix product. It is not used if all levels of a task are so far below those of
        another task that their exponentials vanish.
        """
        if self._is_softmax:
            levels = outputs.masked_fill(self.layout.is_value, -torch.inf)
            grown = levels.sub_(levels.amax(2, keepdim=True)).exp_()
            total = (grown @ self.layout.member).masked_fill_(self.layout.regression, 1.0)
            if total.min() > _FAINT:
                chances = grown.mul_(total.reciprocal_().index_select(2, self.layout.task_of))
                values = outputs * self.spread + self.offset
                return torch.where(self.layout.is_value, values, chances)
        natural = self.layout.natural(outputs, self.offset, self.spread)
        return torch.where(self.layout.is_value, natural, natural.exp())

    def _normalized(self, positive: Tensor) -> Tensor:
        """Returns numbers (..., K) divided by their sum in each task."""
        total = positive @ self.layout.member
        return positive / total.index_select(-1, self.layout.task_of)

    def outputs(self, design: Tensor) -> Outputs:
        """Returns each replicate's outputs (R, m, K) for a design (m, P)."""
        (weight, bias), *middle, (last, last_bias) = self.layers
        flow = torch.addmm(bias, design, weight)
        flow = (flow.relu_() if middle else flow).view(len(design), -1, self._width)
        flow = flow.transpose(0, 1)
        for place, (inner, inner_bias) in enumerate(middle, 1):
            flow = torch.baddbmm(inner_bias, flow, inner)
            if place < len(middle):
                flow = flow.relu_()
        flow = flow.unflatten(0, (self.replicates, self.networks)).transpose(1, 2).flatten(2)
        outputs = torch.baddbmm(last_bias, flow, last)
        if self.direct is None:
            return outputs
        straight = (design @ self.direct).view(len(design), self.replicates, -1)
        return outputs.add_(straight.transpose(0, 1))

    @property
    def _width(self) -> int:
        """Units of the first layer of one network."""
        return self.layers[0][0].shape[1] // (self.replicates * self.networks)


def _double(array: Floats) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float64))
