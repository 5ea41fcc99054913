"""R x T networks, of which each follows one task alone: what balancing has to beat."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hemomodel.network.heads import HeadLayout
from hemomodel.network.stacked import StackedNetwork
from hemomodel.prng import random_bits
from hemomodel.typing import Features, Keys, Outputs

__all__ = ["SingleTaskNetworks"]


class SingleTaskNetworks:
    """One network a task, stacked as replicates are, behind the face of a `StackedNetwork`.

    Each has outputs for all tasks, of which only its own task's are read and trained.

    Attributes:
        parameters: the flat buffer of all of them; `gradient` has the same form.
    """

    def __init__(
        self, widths: Sequence[int], keys: Keys, dtype: torch.dtype, layout: HeadLayout
    ) -> None:
        """Draws the weights of R x T networks.

        Args:
            widths: of each of them, as for `StackedNetwork`.
            keys: (R,), one a replicate.
            dtype: of the parameters.
            layout: which output belongs to which task.
        """
        self._member = layout.member.T.unsqueeze(1)  # (T, 1, K)
        self._tasks = layout.member.shape[1]
        self.stacked = StackedNetwork(widths, random_bits(keys, self._tasks).flatten(), dtype)
        self.parameters, self.gradient = self.stacked.parameters, self.stacked.gradient

    def forward(self, x: Features, masks: Sequence[Tensor] = ()) -> list[Tensor]:
        """Returns what enters each layer (R * T, B, H), and last the outputs (R, B, K)."""
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
        """Returns the slopes (R * T, B, K) that each network sees: its own task's, else zero."""
        return (slopes.unsqueeze(1) * self._member).flatten(0, 1)

    def each(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Returns what every network of a replicate gets: (R, ...) repeated to (R * T, ...)."""
        return [tensor.repeat_interleave(self._tasks, 0) for tensor in tensors]
