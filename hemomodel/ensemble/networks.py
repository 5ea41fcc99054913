"""R replicates of trained networks that read one design matrix."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from hemomodel.arrays import Floats
from hemomodel.ensemble.predictor import double_tensor
from hemomodel.network.heads import HeadLayout
from hemomodel.schema.entries import Task
from hemomodel.typing import Outputs

__all__ = ["Networks"]

_FAINT = 1e-25  # below this, a sum of exponentials has lost digits
_SOFTMAX = ("binary", "classification", "regression")


class Networks:
    """A `Predictor`: each replicate has G networks, one for all tasks, or one for each task.

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
        self.layout = layout = HeadLayout(tasks, dtype)
        linear, shift = (torch.from_numpy(part) for part in preprocessing)
        (first, first_bias), *middle, (last, last_bias) = (
            (
                double_tensor(layers[f"layer{place}.weight"]),
                double_tensor(layers[f"layer{place}.bias"]),
            )
            for place in range(len(layers) // 2)
        )
        folded = torch.einsum("rpf,rgfh->prgh", linear, first)
        folded_bias = torch.einsum("rf,rgfh->rgh", shift, first) + first_bias
        # (G, K): 1 where a network predicts a column.
        predicts = layout.member.T.double() if last.shape[1] > 1 else torch.ones(1, layout.width)
        last_bias = (last_bias * predicts).sum(1)
        self.direct: Tensor | None = None
        if "direct.weight" in layers:
            by_network = double_tensor(layers["direct.weight"]) * predicts.unsqueeze(1)
            direct = by_network.sum(1)  # (R, F, K)
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
        self._is_softmax = all(task.kind in _SOFTMAX for task in tasks)
        self.replicates, self.networks = first.shape[:2]
        self.numbers_per_row = max(bias.numel() for _, bias in self.layers)

    def predictions(self, design: Tensor) -> Tensor:
        """Returns probabilities and values (R, m, K) for a design (m, P).

        A faster way is used for many patients: one exponential of all columns, and the sum per
        task by a matrix product. It is not used if all levels of a task are so far below those of
        another task that their exponentials vanish.
        """
        outputs = self.outputs(design)
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
