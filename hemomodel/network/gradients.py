"""The task gradients of one step, in the form that a balancer requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from hemomodel.network.gramian import task_gramian, task_norms, trunk_gramian
from hemomodel.network.heads import HeadLayout
from hemomodel.network.single_task import SingleTaskNetworks
from hemomodel.network.stacked import StackedNetwork
from hemomodel.typing import Gramian, Outputs

__all__ = ["Network", "Over", "TaskGradients", "lengths_and_cosines"]

Network: TypeAlias = StackedNetwork | SingleTaskNetworks
Over: TypeAlias = Literal["last", "trunk"]


@dataclass(frozen=True)
class TaskGradients:
    """The gradients of one step.

    Attributes:
        network: the network that takes the step.
        flow: the result of its `forward`.
        slopes: (R, B, K), the derivative of each task's loss by its outputs.
        layout: the layout of the outputs.
        masks: the dropout masks of the forward pass.
        over: `last`: gradients by the weights of the last shared layer; `trunk`: by all shared
            parameters.
    """

    network: Network
    flow: list[Tensor]
    slopes: Outputs
    layout: HeadLayout
    masks: Sequence[Tensor]
    over: Over

    def gramian(self) -> Gramian:
        """Returns the inner products of the task gradients, (R, T, T)."""
        if isinstance(self.network, SingleTaskNetworks):
            return torch.diag_embed(self._separate(self.network))
        parts = (self.network, self.flow, self.slopes, self.layout)
        return task_gramian(*parts) if self.over == "last" else trunk_gramian(*parts, self.masks)

    def norms(self) -> Tensor:
        """Returns the norms of the task gradients, (R, T)."""
        if self.over == "last" and isinstance(self.network, StackedNetwork):
            return task_norms(self.network, self.flow, self.slopes, self.layout)
        return self.gramian().diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()

    def _separate(self, network: SingleTaskNetworks) -> Tensor:
        """Returns the squared norms (R, T) for networks that share no parameters."""
        tasks = self.layout.member.shape[1]
        slopes, flow = network.by_task(self.slopes), self.flow[:-1]
        parts = (network.stacked, flow, slopes, self.layout)
        masks = network.each(self.masks)
        products = task_gramian(*parts) if self.over == "last" else trunk_gramian(*parts, masks)
        # (R * T, T), zero except for the network's own task.
        squares = products.diagonal(dim1=1, dim2=2)
        return squares.sum(1).view(-1, tasks)


def lengths_and_cosines(gramian: Gramian) -> tuple[Tensor, Tensor]:
    """Returns norms (R, T) and cosines (R, T, T) between tasks; 0 if one gradient is zero."""
    norms = gramian.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
    unit = torch.where(norms > 0, 1 / norms, 0.0)
    return norms, (gramian * unit.unsqueeze(1) * unit.unsqueeze(2)).clamp(-1, 1)
