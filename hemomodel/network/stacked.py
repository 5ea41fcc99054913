"""R networks in one: a shared trunk and linear heads, stacked over replicates.

The backward pass is written explicitly. This gives each task's gradient at the last shared layer
in closed form, at no cost for methods that do not need it, and there is no graph to build or to
free. The tests compare it with torch.autograd.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from hemomodel.prng import uniform
from hemomodel.typing import Features, Keys, Outputs

__all__ = ["ParameterViews", "StackedNetwork", "parameter_views"]

_HEAD_START = 0.1  # share of the usual head weights, if the heads begin at constant outputs


class ParameterViews(NamedTuple):
    """Views of a flat buffer; see the attributes of `StackedNetwork`."""

    weights: list[Tensor]
    direct: Tensor | None
    biases: list[Tensor]


def parameter_views(
    flat: Tensor, widths: Sequence[int], replicates: int, linear_path: bool
) -> ParameterViews:
    """Returns the parameters in a flat buffer: all weights first, then all biases.

    Args:
        flat: (R x P,).
        widths: inputs, hidden layers and outputs.
        replicates: R.
        linear_path: whether the buffer has the weights of a linear path.
    """
    shapes = [*pairwise(widths), *([(widths[0], widths[-1])] if linear_path else [])]
    shapes += [(1, outputs) for outputs in widths[1:]]
    parts = flat.split([replicates * inputs * outputs for inputs, outputs in shapes])
    views = [part.view(replicates, *shape) for part, shape in zip(parts, shapes, strict=True)]
    layers = len(widths) - 1
    direct = views[layers] if linear_path else None
    return ParameterViews(views[:layers], direct, views[-layers:])


class StackedNetwork:
    """R copies of one multi-layer network, each with its own weights.

    ReLU follows every hidden layer except the last shared one, as published (64-32-16: after the
    first two, none after the third). The heads are one linear layer of K outputs.
    All parameters are in one flat buffer, so that the optimizer step is one operation.

    Attributes:
        parameters: (R x P,) the flat buffer, first all weights, then all biases; `gradient` has
            the same form.
        all_weights: the part of the buffer with the weights.
        weights: one view (R, H_in, H_out) of the buffer per layer; the last one is the heads.
        biases: one view (R, 1, H_out) of the buffer per layer.
        direct: a view (R, F, K) of the buffer, the weights of the linear path from the inputs to
            the outputs; None without such a path.
    """

    def __init__(
        self, widths: Sequence[int], keys: Keys, dtype: torch.dtype, *, linear_path: bool = False
    ) -> None:
        """Draws the weights as torch.nn.Linear does: uniform within 1 / sqrt(H_in).

        The weights of the linear path begin at zero.

        Args:
            widths: inputs, hidden layers and outputs, such as (36, 64, 32, 16, 47).
            keys: (R,), one per replicate.
            dtype: of the parameters.
            linear_path: whether the outputs also read the inputs directly.
        """
        self.widths = tuple(widths)
        self.replicates = len(keys)
        count = sum((inputs + 1) * outputs for inputs, outputs in pairwise(widths))
        direct = widths[0] * widths[-1] if linear_path else 0
        self.parameters = torch.zeros(
            self.replicates * (direct + count), dtype=dtype, device=keys.device
        )
        self.gradient = torch.zeros_like(self.parameters)
        form = (self.widths, self.replicates, linear_path)
        self.weights, self.direct, self.biases = parameter_views(self.parameters, *form)
        self.weight_gradients, self._direct_gradient, self.bias_gradients = parameter_views(
            self.gradient, *form
        )
        self.all_weights = self.parameters[: -self.replicates * sum(widths[1:])]
        start = uniform(keys, count, dtype) * 2 - 1
        for weight, bias in zip(self.weights, self.biases, strict=True):
            for part in (weight, bias):
                size = part[0].numel()
                part.copy_(start[:, :size].reshape(part.shape) / weight.shape[1] ** 0.5)
                start = start[:, size:]

    def start_heads_at(self, outputs: Tensor) -> None:
        """Lets the heads begin close to constant outputs: small weights, and these biases.

        A head weight is never zero: with zero heads the trunk has no gradient.

        Args:
            outputs: (R, K).
        """
        self.weights[-1].mul_(_HEAD_START)
        self.biases[-1].copy_(outputs.unsqueeze(1))

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
        if self.direct is not None:
            flow[-1] = torch.baddbmm(flow[-1], flow[0], self.direct)
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
        if self._direct_gradient is not None:
            torch.bmm(flow[0].mT, slopes, out=self._direct_gradient)
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
