"""R networks as one predictor: the mean of their probabilities and of their values."""

from collections.abc import Sequence
from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hemomodel.heads import HeadLayout
from hemomodel.schema import Task
from hemomodel.shapes import Outputs

__all__ = ["Ensemble", "pool"]

_BLOCK = 1 << 18  # numbers in the widest layer at once, so that a core's own cache holds them
_FAINT = 1e-25  # below it, a sum of exponentials has lost digits
_SOFTMAX = ("binary", "classification", "regression")


def pool(layout: HeadLayout, natural: Tensor, share: Tensor | None = None) -> Tensor:
    """Returns what an ensemble says (m, K): log of the mean probabilities, mean of the values.

    The mean of probabilities is the linear opinion pool of deep ensembles (Lakshminarayanan et
    al., NeurIPS 2017, section 2.4).

    Args:
        layout: of the columns.
        natural: (R, m, K), log-probabilities that sum to one, and values in the label's unit.
        share: (R, m), what each replicate's word counts for a row; adds up to 1. All alike if None.
    """
    if share is None:
        mean_log = natural.logsumexp(0) - log(len(natural))
        return torch.where(layout.is_value, natural.mean(0), mean_log)
    by_column = share.unsqueeze(2)
    mean_log = (natural + by_column.log()).logsumexp(0)
    return torch.where(layout.is_value, (natural * by_column).sum(0), mean_log)


class Ensemble:
    """A design matrix (N, P) to what R replicates say together (N, K).

    Each replicate has G networks: one, or one a task of which each has a word on its own alone.

    Attributes:
        layers: (weights, biases): (R x G, H_in, H_out) and (R x G, 1, H_out); of the first layer
            (P, R x G x H) and (R x G x H,), the preprocessing folded in; of the last one
            (R, G x H, K) and (R, 1, K), zero where a network has no word.
        offset, spread: (R, 1, K), natural = own scale * spread + offset.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        preprocessing: tuple[NDArray[np.floating], NDArray[np.floating]],
        weights: Sequence[tuple[Tensor, Tensor]],
        scale: tuple[NDArray[np.floating], NDArray[np.floating]],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Folds the preprocessing into the first layer, in double precision.

        Args:
            tasks: of the outputs.
            preprocessing: map (R, P, F) and shift (R, F), as `design.affine` returns them.
            weights: (R, G, H_in, H_out) and (R, G, H_out) of each layer.
            scale: offset and spread of the targets, (R, K).
            dtype: of the numbers that are computed with.
        """
        layout = HeadLayout(tasks, dtype)
        linear, shift = (torch.from_numpy(part) for part in preprocessing)
        (first, bias), *middle, (last, last_bias) = (
            (weight.double(), own.double()) for weight, own in weights
        )
        folded = torch.einsum("rpf,rgfh->prgh", linear, first)
        folded_bias = torch.einsum("rf,rgfh->rgh", shift, first) + bias
        own = layout.member.T.double() if last.shape[1] > 1 else torch.ones(1, layout.width)
        self.layers = [
            (folded.flatten(1).to(dtype), folded_bias.flatten().to(dtype)),
            *(
                (weight.flatten(0, 1).to(dtype), bias.flatten(0, 1).unsqueeze(1).to(dtype))
                for weight, bias in middle
            ),
            (
                (last * own.unsqueeze(1)).flatten(1, 2).to(dtype),
                (last_bias * own).sum(1, keepdim=True).to(dtype),
            ),
        ]
        self.offset, self.spread = (torch.from_numpy(part).unsqueeze(1).to(dtype) for part in scale)
        self.layout, self.dtype = layout, dtype
        self._is_softmax = all(task.kind in _SOFTMAX for task in tasks)
        self.replicates, self.networks = first.shape[:2]

    @torch.no_grad()
    def __call__(
        self, design: NDArray[np.floating], share: NDArray[np.floating] | None = None
    ) -> NDArray[np.floating]:
        """Returns what the replicates say together (N, K), as `pool` does.

        Args:
            design: (N, P).
            share: (R, N), as for `pool`.
        """
        widest = max(bias.numel() for _, bias in self.layers)
        rows = max(1, _BLOCK // widest)
        x = torch.from_numpy(design).to(self.dtype)
        if share is None:
            share = np.full((self.replicates, 1), 1 / self.replicates).repeat(len(x), 1)
        shares = torch.from_numpy(share).to(self.dtype)
        found = [
            self._together(self.outputs(part), own)
            for part, own in zip(x.split(rows), shares.split(rows, 1), strict=True)
        ]
        pooled: NDArray[np.floating] = torch.cat(found).numpy()
        return pooled

    def _together(self, outputs: Outputs, share: Tensor) -> Tensor:
        """Returns what `pool` does, of outputs (R, m, K).

        A million patients ask for a short cut: one exponential of all columns, and each task's sum
        by a product. It is taken unless a task's levels all lie so far below another's that they
        vanish.
        """
        if self._is_softmax:
            levels = outputs.masked_fill(self.layout.is_value, -torch.inf)
            grown = levels.sub_(levels.amax(2, keepdim=True)).exp_()
            total = (grown @ self.layout.member).masked_fill_(self.layout.regression, 1.0)
            if total.min() > _FAINT:
                by_task = share.unsqueeze(2) / total
                chances = (grown * by_task.index_select(2, self.layout.task_of)).sum(0)
                values = (self._values(outputs) * share.unsqueeze(2)).sum(0)
                log_p = chances.clamp_min_(torch.finfo(self.dtype).tiny).log_()
                return torch.where(self.layout.is_value, values, log_p)
        return pool(self.layout, self.natural(outputs), share)

    def natural(self, outputs: Outputs) -> Outputs:
        """Returns each replicate's predictions (R, m, K), of its outputs."""
        log_p = self.layout.log_probabilities(outputs)
        return torch.where(self.layout.is_value, self._values(outputs), log_p)

    def _values(self, outputs: Outputs) -> Outputs:
        return outputs * self.spread + self.offset

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
        return torch.baddbmm(last_bias, flow, last)

    @property
    def _width(self) -> int:
        """Units of the first layer of one network."""
        return self.layers[0][0].shape[1] // (self.replicates * self.networks)
