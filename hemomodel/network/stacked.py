"""R networks in one: a shared trunk and linear heads, stacked over replicates.

The backward pass is written explicitly. This gives each task's gradient at the last shared layer
in closed form, at no cost for methods that do not need it, and there is no graph to build or to
free. The tests compare it with torch.autograd.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from hemomodel.prng import uniform
from hemomodel.typing import Features, Keys, Outputs

__all__ = ["StackedNetwork"]


class StackedNetwork:
    """R copies of one multi-layer network, each with its own weights.

    ReLU follows every hidden layer except the last shared one, as published (64-32-16: after the
    first two, none after the third). The heads are one linear layer of K outputs.
    All parameters are in one flat buffer, so that the optimizer step is one operation.

    Attributes:
        parameters: (R x P,) the flat buffer; `gradient` has the same form.
        weights: one view (R, H_in, H_out) of the buffer per layer; the last one is the heads.
        biases: one view (R, 1, H_out) of the buffer per layer.
    """

    def __init__(self, widths: Sequence[int], keys: Keys, dtype: torch.dtype) -> None:
        """Draws the weights as torch.nn.Linear does: uniform within 1 / sqrt(H_in).

        Args:
            widths: inputs, hidden layers and outputs, such as (36, 64, 32, 16, 47).
            keys: (R,), one per replicate.
            dtype: of the parameters.
        """
        self.widths = tuple(widths)
        self.replicates = len(keys)
        shapes = list(pairwise(widths))
        count = sum((inputs + 1) * outputs for inputs, outputs in shapes)
        self.parameters = torch.empty(self.replicates * count, dtype=dtype, device=keys.device)
        self.gradient = torch.zeros_like(self.parameters)
        self.weights, self.biases = self._views(self.parameters)
        self.weight_gradients, self.bias_gradients = self._views(self.gradient)
        start = uniform(keys, count, dtype) * 2 - 1
        for weight, bias in zip(self.weights, self.biases, strict=True):
            for part in (weight, bias):
                size = part[0].numel()
                part.copy_(start[:, :size].reshape(part.shape) / weight.shape[1] ** 0.5)
                start = start[:, size:]

    def _views(self, flat: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        weights, biases = [], []
        for inputs, outputs in pairwise(self.widths):
            weight, flat = flat.tensor_split([self.replicates * inputs * outputs])
            bias, flat = flat.tensor_split([self.replicates * outputs])
            weights.append(weight.view(self.replicates, inputs, outputs))
            biases.append(bias.view(self.replicates, 1, outputs))
        return weights, biases

    def forward(self, x: Features, masks: Sequence[Tensor] = ()) -> list[Tensor]:
        """Returns the input of each layer, and last the outputs.

        Args:
            x: (R, B, F).
            masks: dropout masks, one (R, B, H) per rectified layer: zero or 1 / (1 - rate); empty
                for no dropout.

        Returns:
            [x, h_1, ..., z, outputs]: (R, B, H) each; z is the trunk's last output.
        """
        flow = [x]
        last_shared = len(self.weights) - 2
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if layer < last_shared:
                x = x.relu_()
                if masks:
                    x = x.mul_(masks[layer])
            flow.append(x)
        return flow

    def backward(
        self,
        flow: list[Tensor],
        slopes: Outputs,
        masks: Sequence[Tensor] = (),
        trunk_slopes: Outputs | None = None,
    ) -> None:
        """Writes the gradient of one weighted total into `gradient`.

        Args:
            flow: the result of `forward`.
            slopes: (R, B, K), the derivative of the total by each output.
            masks: the masks given to `forward`.
            trunk_slopes: (R, B, K), the slopes for the trunk; by default the same as for the heads.
        """
        last_shared = len(self.weights) - 2
        for layer in range(len(self.weights) - 1, -1, -1):
            if layer < last_shared:
                slopes = slopes * (flow[layer + 1] > 0)
                if masks:
                    slopes.mul_(masks[layer])
            torch.bmm(flow[layer].mT, slopes, out=self.weight_gradients[layer])
            torch.sum(slopes, 1, keepdim=True, out=self.bias_gradients[layer])
            if layer > last_shared and trunk_slopes is not None:
                slopes = trunk_slopes
            if layer:
                slopes = torch.bmm(slopes, self.weights[layer].mT)
