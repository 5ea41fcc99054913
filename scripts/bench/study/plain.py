"""Trains a trial in the usual way: one replicate after another, with torch.nn and autograd."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from hemomodel.dataset.stack import Stack
from hemomodel.training.device_data import DeviceStack
from hemomodel.training.fit_config import FitConfig
from hemomodel.training.scored_rows import ScoredRows
from scripts.bench.plain_loop import PlainLoop

__all__ = ["trained"]


class _Replicate:
    """One replicate: its network, its rows, and its skill after each epoch."""

    def __init__(self, config: FitConfig, stack: Stack) -> None:
        self._size, self._rows_per_epoch = config.batch_size, stack.rows_per_epoch
        tensors = DeviceStack(stack, "cpu")
        self._peer = PlainLoop(stack, config.balancer.name, config)
        rows = tensors.train_rows[:, : int(stack.train_counts[0])]
        batch = tensors.gather(rows)
        self._x, self._y = batch.features[0], batch.targets[0]
        self._scored: ScoredRows = tensors.scored(stack.score_rows, stack.score_counts)

    def epoch(self) -> Tensor:
        """Trains an epoch; returns the mean skill on the validation rows."""
        self._peer.trunk.train()
        for rows in torch.randperm(len(self._x))[: self._rows_per_epoch].split(self._size):
            self._peer.step(self._x[rows], self._y[rows])
        self._peer.trunk.eval()
        with torch.no_grad():
            shared = self._peer.trunk(self._scored.features[0])
            outputs = torch.cat([head(shared) for head in self._peer.heads], 1).unsqueeze(0)
            return self._scored.skill(outputs).mean()


def trained(
    config: FitConfig, stack: Stack, stops: list[int]
) -> Iterator[tuple[int, float, float]]:
    """Trains a trial's replicates up to each stop.

    Yields:
        epochs run, the best mean skill so far, and the CPU seconds of training so far.
    """
    torch.set_num_threads(1)
    replicates = [_Replicate(config, stack[r : r + 1]) for r in range(len(stack.pairs))]
    skills = np.zeros((0, len(replicates)))
    spent = 0.0
    for stop in stops:
        more, begun = stop - len(skills), time.thread_time()
        columns = [[float(replicate.epoch()) for _ in range(more)] for replicate in replicates]
        skills = np.concatenate([skills, np.transpose(columns)])
        spent += time.thread_time() - begun  # without the caller's work between two stops
        yield stop, float(skills.mean(1).max()), spent
