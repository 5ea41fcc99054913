"""The training loop: trains all replicates of one configuration together."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hemomodel.arrays import Rows
from hemomodel.balancers._base import Signals
from hemomodel.dataset.stack import Stack
from hemomodel.network.gradients import Network, TaskGradients, lengths_and_cosines
from hemomodel.network.single_task import SingleTaskNetworks
from hemomodel.network.stacked import StackedNetwork
from hemomodel.prng import fold_in, normal, random_bits, replicate_keys
from hemomodel.pytree import flatten, unflatten
from hemomodel.training.device_data import Batch, DeviceStack
from hemomodel.training.fit_config import FitConfig
from hemomodel.training.history import History
from hemomodel.training.scored_rows import ScoredRows
from hemomodel.typing import Losses, Outputs

__all__ = ["Training"]

_BLOCK = 1 << 22  # numbers per gathered block: few blocks, and small enough for any cohort


class Training:
    """R replicates in training; it can be continued, scored, saved and restored.

    Every replicate has its own initial weights, order of rows, dropout and balancer memory. So a
    stack trains exactly the same networks as each replicate by itself.

    Attributes:
        epoch: the number of epochs run.
        last_history: (R, m, K), the outputs for the scored rows after the last epoch.
        scored: the rows that each epoch is scored on.
        steps_per_epoch: optimizer steps per epoch.
    """

    last_history: Outputs

    def __init__(self, config: FitConfig, stack: Stack, device: str = "cpu") -> None:
        self.config = config
        self.epoch = 0
        self._data = DeviceStack(stack, device)
        self.layout = self._data.layout
        self._keys = replicate_keys(stack.pairs).to(device)
        self._rows_per_epoch = stack.rows_per_epoch
        self.steps_per_epoch = -(-stack.rows_per_epoch // config.batch_size)
        self.scored = self.scored_rows(stack.score_rows, stack.score_counts)
        self.trivial_train_loss = self.scored_rows(
            stack.train_rows, stack.train_counts
        ).trivial_loss
        self._everyone = torch.ones_like(self.trivial_train_loss, dtype=torch.bool)
        widths = (self._data.width, *config.hidden, self.layout.width)
        start, dtype = fold_in(self._keys, 0), self.trivial_train_loss.dtype
        self.network: Network = (
            StackedNetwork(widths, start, dtype, linear_path=config.linear_path)
            if config.balancer.shares_trunk
            else SingleTaskNetworks(
                widths, start, dtype, self.layout, linear_path=config.linear_path
            )
        )
        if config.heads == "base_rates":
            self.network.start_heads_at(self._data.trivial_outputs)
        self.network.parameters.grad = self.network.gradient
        self._optimizer = torch.optim.Adam([self.network.parameters], lr=config.lr, fused=True)
        self._balancer_keys = fold_in(self._keys, -1)
        self._balancer = config.balancer
        self._memory: Any = self._balancer.init(self.trivial_train_loss)

    def scored_rows(self, rows: Rows, counts: Rows) -> ScoredRows:
        """Returns rows of the stack to score on; see `DeviceStack.scored`."""
        return self._data.scored(rows, counts)

    @torch.no_grad()
    def run_epochs(self, epochs: int) -> History:
        """Trains for some more epochs, and returns their history."""
        return History(*map(torch.stack, zip(*(self._epoch() for _ in range(epochs)), strict=True)))

    def profile_step(self) -> Callable[[], None]:
        """Trains an epoch, and returns a function that takes one more step on its first batch.

        The function is for measurements: each call does the work of a step inside an epoch.
        """
        batch = next(self._batches())
        self.run_epochs(1)
        return torch.no_grad()(partial(self._step, batch, 1))

    def _epoch(self) -> History:
        self._set_rate()
        zeros = torch.zeros_like(self.trivial_train_loss)
        self._loss_sum, self._row_sum, self._weight_sum = zeros, zeros.clone(), zeros.clone()
        self._dropout_keys = fold_in(self._keys, 2 * self.epoch + 2)
        for step, batch in enumerate(self._batches()):
            self._step(batch, step)
        self._memory = self._balancer.end_epoch(self._memory)
        self.epoch += 1
        self.last_history = self.outputs()
        loss = self.scored.loss(self.last_history)
        train_loss = self._loss_sum / self._row_sum
        rate = train_loss / self.trivial_train_loss
        return History(
            train_loss=train_loss,
            loss=loss,
            skill=1 - loss / self.scored.trivial_loss,
            weights=self._weight_sum / self.steps_per_epoch,
            gradient_norms=self._norms,
            training_rate=rate / rate.mean(1, keepdim=True),
            cosines=self._cosines,
        )

    def _batches(self) -> Iterator[Batch]:
        """Yields the epoch's batches; each replicate has its own order of rows."""
        size, data = self.config.batch_size, self._data
        lottery = random_bits(fold_in(self._keys, 2 * self.epoch + 1), data.train_rows.shape[1])
        lottery = lottery.masked_fill_(data.is_padding, torch.iinfo(torch.int64).max)
        order = data.train_rows.gather(1, lottery.argsort(1))[:, : self._rows_per_epoch]
        per_row = len(order) * (data.width + self.layout.width)
        first = 0
        for block in order.split(max(1, _BLOCK // (per_row * size)) * size, 1):
            batch = data.gather(block)
            yield from self._with_noise(batch, first).slices(size)
            first += block.shape[1]

    def _with_noise(self, batch: Batch, first: int) -> Batch:
        """Adds the input noise; `first` is the position of the first row in the epoch."""
        if not self.config.input_noise:
            return batch
        keys = fold_in(fold_in(self._keys, -2), self.epoch)
        _, rows, width = batch.features.shape
        noise = normal(keys, rows * width, batch.features.dtype, start=first * width)
        noisy = batch.features.add_(noise.view_as(batch.features), alpha=self.config.input_noise)
        return batch._replace(features=noisy)

    def _step(self, batch: Batch, step: int) -> None:
        """Takes one step of every replicate."""
        x, y, known = batch
        masks = self._dropout(x.shape[1], step) if self.config.dropout else ()
        flow = self.network.forward(x, masks)
        losses, slopes = self.layout.losses(flow[-1], y, known)
        counts = None if known is None else known.sum(1)
        signals = self._signals(flow, losses, slopes, masks, counts)
        weights, self._memory = self._balancer.weigh(signals, self._memory)
        if not step:  # once per epoch: most balancers do not need them
            self._norms, self._cosines = lengths_and_cosines(signals.gramian)
        self._descend(flow, slopes, weights, masks)
        self._memory = self._balancer.after_step(self._losses_of(batch, masks), self._memory)
        seen = x.shape[1] if counts is None else counts
        self._loss_sum += losses * seen
        self._row_sum += seen
        self._weight_sum += weights

    def _signals(
        self,
        flow: list[Tensor],
        losses: Losses,
        slopes: Outputs,
        masks: Sequence[Tensor],
        counts: Tensor | None,
    ) -> Signals:
        gradients = TaskGradients(
            self.network, flow, slopes, self.layout, masks, self.config.gradients
        )
        return Signals(
            losses,
            gradients.gramian,
            self.layout.regression,
            gradients.norms,
            present=self._everyone if counts is None else counts > 0,
            keys=self._balancer_keys,
        )

    def _descend(
        self, flow: list[Tensor], slopes: Outputs, weights: Tensor, masks: Sequence[Tensor]
    ) -> None:
        """Takes an optimizer step on the weighted total."""
        share = 1 / weights.shape[1] if self.config.reduction == "mean" else 1.0
        by_column = (weights * share).index_select(1, self.layout.task_of).unsqueeze(1)
        if self._balancer.weighs_heads:
            self.network.backward(flow, slopes * by_column, masks)
        else:
            self.network.backward(flow, slopes * share, masks, slopes * by_column)
        if self._decay:
            self.network.all_weights.mul_(1 - self._decay)
        self._optimizer.step()

    def _set_rate(self) -> None:
        """Sets the learning rate and the weight decay of this epoch's steps."""
        config, factor = self.config, 1.0
        if config.schedule == "cosine":
            factor = (1 + math.cos(math.pi * self.epoch / config.epochs)) / 2
        self._optimizer.param_groups[0]["lr"] = config.lr * factor
        scale = config.weight_decay_epochs
        self._decay = factor / (scale * self.steps_per_epoch) if scale else 0.0

    def _losses_of(self, batch: Batch, masks: Sequence[Tensor]) -> Callable[[], Losses]:
        """Returns a function that computes the losses of a batch with the current network."""
        x, y, known = batch
        return lambda: self.layout.losses(self.network.forward(x, masks)[-1], y, known)[0]

    def _dropout(self, rows: int, step: int) -> tuple[Tensor, ...]:
        """Returns one mask (R, B, H) per rectified layer: 0, or 1 / (1 - rate)."""
        widths = self.config.hidden[:-1]
        count = rows * sum(widths)
        used = -(-self.config.batch_size * sum(widths) // 4)  # 64 bits are four numbers
        drawn = random_bits(self._dropout_keys, -(-count // 4), start=step * used)
        lanes = drawn.view(torch.int16)[:, :count]
        limit = round(self.config.dropout * 65536) - 32768
        scaled = (lanes >= limit).to(self.trivial_train_loss.dtype) / (1 - self.config.dropout)
        masks: tuple[Tensor, ...] = scaled.view(len(scaled), rows, -1).split(list(widths), 2)
        return masks

    @torch.no_grad()
    def outputs(self, scored: ScoredRows | None = None) -> Outputs:
        """Returns the outputs (R, m, K) for the scored or other rows, in the targets' scale."""
        return self.network.forward((scored or self.scored).features)[-1]

    def health(self) -> dict[str, Tensor]:
        """Returns the convergence of the balancer's solver, (R,) each; see `Balancer.health`."""
        return self._balancer.health(self._memory)

    def state(self) -> dict[str, Tensor]:
        """Returns everything that training changes, as named plain tensors."""
        adam = self._optimizer.state_dict()["state"].get(0, {})
        return {
            "epoch": torch.tensor(self.epoch),
            "parameters": self.network.parameters.clone(),
            **{f"adam.{name}": value.clone() for name, value in adam.items()},
            **{f"memory.{name}": value.clone() for name, value in flatten(self._memory)},
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restores what `state` returned; training then gives the same bits as without a stop."""
        self.epoch = int(state["epoch"])
        self.network.parameters.copy_(state["parameters"])
        adam = {name[5:]: value for name, value in state.items() if name.startswith("adam.")}
        if adam:
            groups = self._optimizer.state_dict()["param_groups"]
            self._optimizer.load_state_dict({"state": {0: adam}, "param_groups": groups})
        memory = {name[7:]: value for name, value in state.items() if name.startswith("memory.")}
        self._memory = unflatten(self._memory, memory)
