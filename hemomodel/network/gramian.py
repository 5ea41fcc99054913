"""Inner products of the task gradients, in closed form.

The heads are linear. So a task's gradient at the trunk's output is its slopes times its head. Its
gradient by a layer's weights is the product of its gradient at that layer's output and the layer's
input. At the last shared layer the bias is not included, as in GradNorm (Chen et al., ICML 2018,
section 3.1). Over the entire trunk every shared parameter is included.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from hemomodel.network.heads import HeadLayout
from hemomodel.network.stacked import StackedNetwork
from hemomodel.typing import Gramian, Outputs

__all__ = ["task_gramian", "task_norms", "trunk_gramian"]


def task_gramian(
    network: StackedNetwork, flow: list[Tensor], slopes: Outputs, layout: HeadLayout
) -> Gramian:
    """Returns K = J J^T, where row i of J is the gradient of task i by the last shared weights.

    Args:
        network: the stacked network.
        flow: the result of `network.forward`; flow[-3] is the input of the last shared layer.
        slopes: (R, B, K), the derivative of each task's loss by its outputs.
        layout: which output belongs to which task.

    Returns:
        (R, T, T), symmetric and positive semi-definite.
    """
    return _products(_at_output(network, slopes, layout), flow[-3])


def trunk_gramian(
    network: StackedNetwork,
    flow: list[Tensor],
    slopes: Outputs,
    layout: HeadLayout,
    masks: Sequence[Tensor] = (),
) -> Gramian:
    """Returns K = J J^T, where row i of J is the gradient of task i by all shared parameters.

    Args:
        network: as for `task_gramian`.
        flow: as for `task_gramian`.
        slopes: as for `task_gramian`.
        layout: as for `task_gramian`.
        masks: the dropout masks given to `network.forward`.
    """
    at_output = _at_output(network, slopes, layout)
    last_shared = len(network.weights) - 2
    total: Gramian | None = None
    for layer in range(last_shared, -1, -1):
        if layer < last_shared:
            # A rectified unit passes a slope if it was active and not dropped out.
            open_units = (flow[layer + 1] > 0).to(at_output)
            if masks:
                open_units = open_units * masks[layer]
            weight = network.weights[layer + 1].unsqueeze(1)
            at_output = (at_output @ weight.mT) * open_units.unsqueeze(2)
        with_bias = torch.nn.functional.pad(flow[layer], (0, 1), value=1.0)
        part = _products(at_output, with_bias)
        total = part if total is None else total + part
    assert total is not None  # noqa: S101 - a network has at least one shared layer
    return total


def task_norms(
    network: StackedNetwork, flow: list[Tensor], slopes: Outputs, layout: HeadLayout
) -> Tensor:
    """Returns the square root of the diagonal of `task_gramian`, (R, T), without the other entries.

    Args:
        network: as for `task_gramian`.
        flow: as for `task_gramian`.
        slopes: as for `task_gramian`.
        layout: as for `task_gramian`.
    """
    inputs, at_output = flow[-3], _at_output(network, slopes, layout)
    rows, shared = at_output.shape[1], at_output.shape[3]
    if rows**2 < shared * inputs.shape[2]:
        by_task = at_output.transpose(1, 2)
        pairs = by_task @ by_task.mT  # (R, T, B, B)
        return (pairs * (inputs @ inputs.mT).unsqueeze(1)).sum((2, 3)).clamp_min_(0).sqrt_()
    norms: Tensor = torch.linalg.vector_norm(_jacobian(at_output, inputs), dim=2)
    return norms


def _products(at_output: Tensor, inputs: Tensor) -> Gramian:
    """Returns the inner products (R, T, T) of the gradients by one layer's weights.

    Args:
        at_output: (R, B, T, H), each task's gradient at the layer's output.
        inputs: (R, B, H_in), the layer's input.
    """
    replicates, rows, tasks, width = at_output.shape
    if tasks * rows**2 < width * inputs.shape[2]:
        # Few rows: K_ij sums (d_i . d_j)(h . h) over pairs of rows, without the Jacobian.
        flat = at_output.flatten(1, 2)
        pairs = (flat @ flat.mT).view(replicates, rows, tasks, rows, tasks)
        alike = (inputs @ inputs.mT).view(replicates, rows, 1, rows, 1)
        return (pairs * alike).sum((1, 3))
    jacobian = _jacobian(at_output, inputs)
    return jacobian @ jacobian.mT


def _at_output(network: StackedNetwork, slopes: Outputs, layout: HeadLayout) -> Tensor:
    """Returns each task's gradient at the trunk's output, (R, B, T, H)."""
    heads = network.weights[-1].mT.unsqueeze(2) * layout.member.unsqueeze(2)  # (R, K, T, H)
    return (slopes @ heads.flatten(2)).view(*slopes.shape[:2], *heads.shape[2:])


def _jacobian(at_output: Tensor, inputs: Tensor) -> Tensor:
    """Returns each task's gradient by a layer's weights, (R, T, H * H_in)."""
    replicates, _, tasks, _ = at_output.shape
    return (at_output.flatten(2).mT @ inputs).view(replicates, tasks, -1)
