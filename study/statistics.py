"""Intervals of scores and of paired differences, over held-out rows and seeds at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "Resampled", "resample"]

Floats = NDArray[np.float64]
_DRAWS = 4000
_BLOCK = 1 << 25  # numbers held at once while resampling


@dataclass(frozen=True)
class Interval:
    """An estimate with the interval around it."""

    estimate: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Resampled:
    """Mean skill of several arms, estimated and resampled.

    Attributes:
        estimate: (A, T), mean over replicates.
        draws: (D, A, T), the same in each bootstrap sample.
    """

    estimate: Floats
    draws: Floats

    def score(self, arm: int, level: float = 0.95) -> Interval:
        """Returns an arm's mean skill over tasks."""
        return _interval(self.estimate[arm].mean(), self.draws[:, arm].mean(1), level)

    def skill(self, arm: int, task: int, level: float = 0.95) -> Interval:
        """Returns an arm's skill on one task."""
        return _interval(self.estimate[arm, task], self.draws[:, arm, task], level)

    def difference(self, arm: int, other: int, level: float = 0.95) -> Interval:
        """Returns the difference of two arms' mean skills, paired over rows and seeds."""
        estimate = self.estimate[arm].mean() - self.estimate[other].mean()
        draws = self.draws[:, arm].mean(1) - self.draws[:, other].mean(1)
        return _interval(estimate, draws, level)


def resample(
    losses: Floats, trivial: Floats, seeds: NDArray[np.int_], *, draws: int = _DRAWS, seed: int = 0
) -> Resampled:
    """Two-level bootstrap of the skill: rows and seeds are drawn with replacement, together.

    Rows and seeds are the same in all arms of a draw, so that differences are paired. The folds of
    a seed stay together. (Davison & Hinkley, Bootstrap Methods and their Application, 1997, 3.8.)

    Args:
        losses: (A, R, m, T), each arm's loss on each held-out row.
        trivial: (R, m, T), the trivial predictor's.
        seeds: (R,), the seed of each replicate.
        draws: D.
        seed: of the resampling.
    """
    arms, replicates, rows, tasks = losses.shape
    random = np.random.default_rng(seed)
    columns = np.moveaxis(losses, 2, 0).reshape(rows, -1)
    base = np.moveaxis(trivial, 1, 0).reshape(rows, -1)
    shape = (-1, arms, replicates, tasks)

    def skills(counts: Floats) -> Floats:
        return 1 - (counts @ columns).reshape(shape) / (counts @ base).reshape(
            shape[0], 1, *shape[2:]
        )

    names, member = np.unique(seeds, return_inverse=True)
    sampled = []
    for size in _blocks(draws, max(rows, arms * replicates * tasks)):
        counts = random.multinomial(rows, np.full(rows, 1 / rows), size).astype(float)
        chosen = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size)
        weight = chosen[:, member] / chosen[:, member].sum(1, keepdims=True)
        sampled.append(np.einsum("dart,dr->dat", skills(counts), weight))
    estimate = skills(np.ones((1, rows)))[0].mean(1)
    return Resampled(estimate, np.concatenate(sampled))


def _blocks(draws: int, width: int) -> list[int]:
    size = max(1, min(draws, _BLOCK // width))
    return [size] * (draws // size) + ([draws % size] if draws % size else [])


def _interval(estimate: float, draws: Floats, level: float) -> Interval:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(estimate), float(low), float(high))
