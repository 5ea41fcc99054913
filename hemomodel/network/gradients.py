"""The task gradients of one step, as a balancer may ask for them."""

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
        network: that takes it.
        flow: what its `forward` returned.
        slopes: (R, B, K), each task's derivative by its outputs.
        layout: of the outputs.
        masks: dropout, those of the forward pass.
        over: by the weights of the `last` shared layer, or by all shared parameters.
    """

    network: Network
    flow: list[Tensor]
    slopes: Outputs
    layout: HeadLayout
    masks: Sequence[Tensor]
    over: Over

    def gramian(self) -> Gramian:
        """Returns the inner products (R, T, T)."""
        if isinstance(self.network, SingleTaskNetworks):
            return torch.diag_embed(self._separate(self.network))
        parts = (self.network, self.flow, self.slopes, self.layout)
        return task_gramian(*parts) if self.over == "last" else trunk_gramian(*parts, self.masks)

    def norms(self) -> Tensor:
        """Returns the norms (R, T)."""
        if self.over == "last" and isinstance(self.network, StackedNetwork):
            return task_norms(self.network, self.flow, self.slopes, self.layout)
        return self.gramian().diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()

    def _separate(self, network: SingleTaskNetworks) -> Tensor:
        """Returns the squared norms (R, T) of networks that share nothing."""
        tasks = self.layout.member.shape[1]
        slopes, flow = network.by_task(self.slopes), self.flow[:-1]
        parts = (network.stacked, flow, slopes, self.layout)
        masks = network.each(self.masks)
        products = task_gramian(*parts) if self.over == "last" else trunk_gramian(*parts, masks)
        squares = products.diagonal(
            dim1=1, dim2=2
        )  # (R * T, T), zero but for the network's own task
        return squares.sum(1).view(-1, tasks)


def lengths_and_cosines(gramian: Gramian) -> tuple[Tensor, Tensor]:
    """Returns norms (R, T) and the cosines (R, T, T) between tasks, zero where one vanishes."""
    norms = gramian.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
    unit = torch.where(norms > 0, 1 / norms, 0.0)
    return norms, (gramian * unit.unsqueeze(1) * unit.unsqueeze(2)).clamp(-1, 1)
