"""The one loop: all replicates of one configuration trained at once."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hemomodel.balancers import Signals
from hemomodel.config import FitConfig
from hemomodel.gramian import task_gramian, task_norms
from hemomodel.heads import HeadLayout
from hemomodel.metrics import Scored, scores
from hemomodel.network import StackedNetwork
from hemomodel.shapes import Features, Losses, Outputs, Targets
from hemomodel.stack import Stack
from hemomodel.streams import bits, replicate_keys, stream
from hemomodel.trees import flatten, unflatten

__all__ = ["History", "Training"]

_BLOCK = 1 << 22  # numbers gathered at once: large enough to be rare, small enough for any cohort


class History(NamedTuple):
    """What each epoch left behind, (E, R, T) each.

    Attributes:
        train_loss: mean over the epoch's batches, in the targets' own scale, as the steps saw it.
        loss: on the scored rows after the epoch, in the targets' own scale.
        skill: share of the trivial predictor's loss on the scored rows that is removed.
        weights: mean over the epoch's steps.
        gradient_norms: norm of each task's gradient at the last shared layer, at the first step.
    """

    train_loss: Tensor
    loss: Tensor
    skill: Tensor
    weights: Tensor
    gradient_norms: Tensor

    @property
    def score(self) -> Tensor:
        """(E,): mean skill over replicates and tasks, the study's one figure."""
        return self.skill.mean((1, 2))


class Training:
    """R replicates in training; it can be advanced, scored, saved and taken up again.

    Every replicate has its own initial weights, order of rows, dropout and balancer memory, so a
    stack trains exactly what each replicate alone would.
    """

    def __init__(self, config: FitConfig, stack: Stack, device: str = "cpu") -> None:
        dtype = torch.get_default_dtype()

        def tensor(array: Any) -> Tensor:  # noqa: ANN401 - whatever numpy holds
            return torch.from_numpy(np.array(array, dtype=_dtype_for(array, dtype))).to(device)

        self.config = config
        self.epoch = 0
        self.latest: Outputs  # those of the last epoch, (R, m, K)
        self.layout = HeadLayout(stack.tasks, dtype, device)
        self._keys = replicate_keys(stack.pairs).to(device)
        self._features = tensor(stack.features)
        self._labels = tensor(stack.labels)
        self._offset = tensor(stack.offset).unsqueeze(1)
        self._spread = tensor(stack.spread).unsqueeze(1)
        self._train_rows = tensor(stack.train_rows)
        self._is_padding = tensor(_padding(stack.train_rows, stack.train_counts))
        self._rows_per_epoch = stack.rows_per_epoch
        score_rows = tensor(stack.score_rows)
        score_padding = _padding(stack.score_rows, stack.score_counts)
        self._scored = self._gather(score_rows)
        self.reference = Scored(
            labels=self.natural(self._scored[1]),
            share=tensor(~score_padding / stack.score_counts[:, None]).unsqueeze(2),
            trivial=tensor(stack.trivial),
            optimum=None if stack.optimum is None else tensor(stack.optimum)[score_rows],
        )
        trivial = (self.reference.trivial.unsqueeze(1) - self._offset) / self._spread
        self._trivial_loss = self._score_loss(trivial.expand_as(self._scored[1]))
        widths = (self._features.shape[2], *config.hidden, self.layout.width)
        self.network = StackedNetwork(widths, stream(self._keys, 0), dtype)
        self._optimizer = _optimizer(config, self.network)
        self._balancer = config.balancer
        self.trivial_train_loss = self._loss_on_training_rows(trivial, stack)
        self._memory: Any = self._balancer.init(self.trivial_train_loss)

    def _loss_on_training_rows(self, trivial: Outputs, stack: Stack) -> Losses:
        _, targets = self._gather(self._train_rows)
        by_column, _ = self.layout.row_losses(trivial.expand_as(targets), targets)
        by_column = by_column.masked_fill(self._is_padding.unsqueeze(2), 0)
        counts = torch.from_numpy(stack.train_counts).to(by_column)
        return by_column.sum(1) @ self.layout.member / counts.unsqueeze(1)

    @torch.no_grad()
    def run(self, epochs: int) -> History:
        """Trains for some epochs more, and returns what each of them left behind."""
        return History(*map(torch.stack, zip(*(self._epoch() for _ in range(epochs)), strict=True)))

    def _epoch(self) -> History:
        shape = self._trivial_loss.shape
        self._loss_sum = self._trivial_loss.new_zeros(shape)
        self._weight_sum = self._trivial_loss.new_zeros(shape)
        self._dropout_keys = stream(self._keys, 2 * self.epoch + 2)
        steps = 0
        for x, y in self._batches():
            self._step(x, y, steps)
            steps += 1
        self._memory = self._balancer.end_epoch(self._memory)
        self.epoch += 1
        self.latest = self.outputs()
        loss = self._score_loss(self.latest)
        skill = 1 - loss / self._trivial_loss
        return History(
            self._loss_sum / self._rows_per_epoch,
            loss,
            skill,
            self._weight_sum / steps,
            self._norms,
        )

    def _batches(self) -> Iterator[tuple[Features, Targets]]:
        """Yields the epoch's batches, in an order of each replicate's own."""
        size = self.config.batch_size
        lottery = bits(stream(self._keys, 2 * self.epoch + 1), self._train_rows.shape[1])
        lottery = lottery.masked_fill_(self._is_padding, torch.iinfo(torch.int64).max)
        order = self._train_rows.gather(1, lottery.argsort(1))[:, : self._rows_per_epoch]
        per_row = len(order) * (self._features.shape[2] + self.layout.width)
        for block in order.split(max(1, _BLOCK // (per_row * size)) * size, 1):
            x, y = self._gather(block)
            yield from zip(x.split(size, 1), y.split(size, 1), strict=True)

    def _gather(self, rows: Tensor) -> tuple[Features, Targets]:
        """Returns features (R, n, F) and targets (R, n, K) of row numbers (R, n)."""
        replicates, count, width = self._features.shape
        start = torch.arange(replicates, device=rows.device).unsqueeze(1) * count
        x = self._features.view(-1, width).index_select(0, (rows + start).flatten())
        y = self._labels.index_select(0, rows.flatten()).view(*rows.shape, -1)
        return x.view(*rows.shape, width), (y - self._offset) / self._spread

    def _step(self, x: Features, y: Targets, step: int) -> None:
        """One step of every replicate."""
        network, rows = self.network, x.shape[1]
        masks = self._dropout(rows, step) if self.config.dropout else ()
        flow = network.forward(x, masks)
        losses, slopes = self.layout.losses(flow[-1], y)
        gradients = (network, flow, slopes, self.layout)
        signals = Signals(
            losses,
            partial(task_gramian, *gradients),
            self.layout.regression,
            partial(task_norms, *gradients),
        )
        weights, self._memory = self._balancer.weigh(signals, self._memory)
        if not step:  # once an epoch: most balancers do without
            self._norms = signals.norms
        by_column = weights.index_select(1, self.layout.task_of).unsqueeze(1)
        if self.config.reduction == "mean":
            by_column = by_column / weights.shape[1]
        network.backward(flow, slopes * by_column, masks)
        self._optimizer.step()
        self._loss_sum += losses * rows
        self._weight_sum += weights

    def _dropout(self, rows: int, step: int) -> tuple[Tensor, ...]:
        """Returns one mask (R, B, H) a rectified layer: 0, or 1 / (1 - rate)."""
        widths = self.config.hidden[:-1]
        count = rows * sum(widths)
        used = -(-self.config.batch_size * sum(widths) // 4)  # 64 bits are four numbers
        drawn = bits(self._dropout_keys, -(-count // 4), start=step * used)
        lanes = drawn.view(torch.int16)[:, :count]
        limit = round(self.config.dropout * 65536) - 32768
        kept = (lanes >= limit).to(self._features.dtype) / (1 - self.config.dropout)
        masks: tuple[Tensor, ...] = kept.view(len(kept), rows, -1).split(list(widths), 2)
        return masks

    def _score_loss(self, outputs: Outputs) -> Losses:
        by_column, _ = self.layout.row_losses(outputs, self._scored[1])
        return (by_column * self.reference.share).sum(1) @ self.layout.member

    @torch.no_grad()
    def outputs(self) -> Outputs:
        """Returns the outputs (R, m, K) for the scored rows, in the targets' own scale."""
        return self.network.forward(self._scored[0])[-1]

    def natural(self, outputs: Outputs) -> Outputs:
        """Returns logits as they are and regressions in the task's unit (mL/min)."""
        return outputs * self._spread + self._offset

    def metrics(self, outputs: Outputs) -> dict[str, Tensor]:
        """Returns every metric (R, T) of some outputs (R, m, K) for the scored rows."""
        return scores(self.layout, self.natural(outputs), self.reference)

    def state(self) -> dict[str, Tensor]:
        """Returns everything that training has changed, as named plain tensors."""
        adam = self._optimizer.state_dict()["state"].get(0, {})
        return {
            "epoch": torch.tensor(self.epoch),
            "parameters": self.network.parameters.clone(),
            **{f"adam.{name}": value.clone() for name, value in adam.items()},
            **{f"memory.{name}": value.clone() for name, value in flatten(self._memory)},
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes up what `state` returned; what follows is bit for bit what would have followed."""
        self.epoch = int(state["epoch"])
        self.network.parameters.copy_(state["parameters"])
        adam = {name[5:]: value for name, value in state.items() if name.startswith("adam.")}
        if adam:
            groups = self._optimizer.state_dict()["param_groups"]
            self._optimizer.load_state_dict({"state": {0: adam}, "param_groups": groups})
        memory = {name[7:]: value for name, value in state.items() if name.startswith("memory.")}
        self._memory = unflatten(self._memory, memory)


def _optimizer(config: FitConfig, network: StackedNetwork) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    network.parameters.grad = network.gradient
    return kind([network.parameters], lr=config.lr, weight_decay=config.weight_decay, fused=True)


def _dtype_for(array: np.ndarray, dtype: torch.dtype) -> np.dtype | None:
    return torch.zeros((), dtype=dtype).numpy().dtype if array.dtype.kind == "f" else array.dtype


def _padding(rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.arange(rows.shape[1]) >= counts[:, None]
