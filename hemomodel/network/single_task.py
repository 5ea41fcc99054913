"""R x T networks, each trained on one task only: a baseline for balancing."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hemomodel.network.heads import HeadLayout
from hemomodel.network.stacked import StackedNetwork
from hemomodel.prng import random_bits
from hemomodel.typing import Features, Keys, Outputs

__all__ = ["SingleTaskNetworks"]


class SingleTaskNetworks:
    """One network per task, stacked like replicates, with the interface of a `StackedNetwork`.

    Each network has outputs for all tasks. Only the outputs of its own task are read and trained.

    Attributes:
        parameters: the flat buffer of all networks; `gradient` has the same form.
        all_weights: the part of the buffer with the weights.
    """

    def __init__(
        self,
        widths: Sequence[int],
        keys: Keys,
        dtype: torch.dtype,
        layout: HeadLayout,
        *,
        linear_path: bool = False,
    ) -> None:
        """Draws the weights of R x T networks.

        Args:
            widths: of each network, as for `StackedNetwork`.
            keys: (R,), one per replicate.
            dtype: of the parameters.
            layout: which output belongs to which task.
            linear_path: as for `StackedNetwork`.
        """
        self._member = layout.member.T.unsqueeze(1)  # (T, 1, K)
        self._tasks = layout.member.shape[1]
        self.stacked = StackedNetwork(
            widths, random_bits(keys, self._tasks).flatten(), dtype, linear_path=linear_path
        )
        self.parameters, self.gradient = self.stacked.parameters, self.stacked.gradient
        self.all_weights = self.stacked.all_weights

    def start_heads_at(self, outputs: Tensor) -> None:
        """Lets the heads begin close to constant outputs; see `StackedNetwork.start_heads_at`."""
        self.stacked.start_heads_at(self.each([outputs])[0])

    def forward(self, x: Features, masks: Sequence[Tensor] = ()) -> list[Tensor]:
        """Returns the input of each layer (R * T, B, H), and last the outputs (R, B, K)."""
        flow = self.stacked.forward(self.each([x])[0], self.each(masks))
        by_task = flow[-1].unflatten(0, (-1, self._tasks)) * self._member
        return [*flow, by_task.sum(1)]

    def backward(
        self,
        flow: list[Tensor],
        slopes: Outputs,
        masks: Sequence[Tensor] = (),
        trunk_slopes: Outputs | None = None,
    ) -> None:
        """Writes the gradients into `gradient`; see `StackedNetwork.backward`."""
        self.stacked.backward(
            flow[:-1],
            self.by_task(slopes),
            self.each(masks),
            None if trunk_slopes is None else self.by_task(trunk_slopes),
        )

    def by_task(self, slopes: Outputs) -> Outputs:
        """Returns the slopes per network (R * T, B, K): those of its own task, otherwise zero."""
        return (slopes.unsqueeze(1) * self._member).flatten(0, 1)

    def each(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Returns tensors (R, ...) repeated for every network of a replicate: (R * T, ...)."""
        return [tensor.repeat_interleave(self._tasks, 0) for tensor in tensors]
