"""The bootstrap of the comparison over held-out rows, seeds, and the trials of the search.

Several held-out rows of one person are not independent. In this case persons are drawn, each with
all rows. A unit is a row, or a group of rows of one person.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hemomodel.arrays import Float64s
from study.analysis.comparison_data import ComparisonData, FinalistScores, OuterFold

__all__ = ["ALL_LEVELS", "Level", "Resampled", "resample"]

Level: TypeAlias = Literal["rows", "seeds", "search"]
ALL_LEVELS: tuple[Level, ...] = ("rows", "seeds", "search")
_BLOCK = 1 << 24  # size of a block of draws, in numbers
_HELD = 1 << 20  # numbers in memory at the same time


@dataclass(frozen=True)
class Resampled:
    """An estimate for each arm and task, with its bootstrap samples; higher is better.

    Attributes:
        arms: names of the A arms.
        estimate: (A, T), mean over replicates.
        draws: (D, A, T), the same in each bootstrap sample.
        replicates: (A, R, T), the estimate of each replicate.
        ranks: (A, T), mean over replicates of an arm's rank; 1 is best.
        rank_draws: (D, A, T), the same in each bootstrap sample.
    """

    arms: tuple[str, ...]
    estimate: Float64s
    draws: Float64s
    replicates: Float64s
    ranks: Float64s
    rank_draws: Float64s


class _Fold(NamedTuple):
    """One outer fold: the candidates (C) of all arms in one sequence, each with its arm."""

    losses: Float64s  # (units, C * R * T), summed over a unit's rows
    trivial: Float64s  # (units, R * T)
    labelled: Float64s  # (units, T), one where the trivial predictor has a loss on a unit
    validation: Float64s  # (C, R)
    chosen: NDArray[np.int_]  # (A,)
    arm: NDArray[np.int_]  # (C,)
    trials: tuple[int, ...]  # of each arm


def resample(
    evidence: ComparisonData,
    of: Callable[[FinalistScores], Float64s] = lambda candidate: candidate.losses,
    *,
    draws: int,
    levels: Collection[Level] = ALL_LEVELS,
    seed: int = 0,
) -> Resampled:
    """Three-level bootstrap of 1 - loss / loss of the trivial predictor.

    Rows and seeds are drawn with replacement. They are the same for all arms of a draw, so that
    differences are paired. The folds of a seed, and the rows of a group, stay together (Davison &
    Hinkley, Bootstrap Methods and their Application, 1997, 3.8; for clusters, Field & Welsh,
    Journal of the Royal Statistical Society B 69, 2007). Each arm's trials are drawn with
    replacement too. The rule that chose the winner is applied again to the candidates in the draw,
    with their validation scores on the seeds in the draw. A draw without a candidate of some arm,
    or without a label of some task, is repeated.

    Args:
        evidence: of the study.
        of: returns the losses of a candidate to sum over rows, (R, m, T).
        draws: D.
        levels: what is drawn; the other levels stay unchanged.
        seed: of the resampling.
    """
    random = np.random.default_rng(seed)
    names = evidence.arms
    folds = [_flat(fold, names, of) for fold in evidence.outer_folds]
    replicates, tasks = len(evidence.seeds), evidence.outer_folds[0].trivial.shape[2]
    shape = len(names), replicates, tasks
    members, member = np.unique(evidence.seeds, return_inverse=True)
    width = max(fold.losses.shape[1] for fold in folds)

    def draw(size: int, levels: Collection[Level]) -> Iterator[tuple[Float64s, Float64s, Float64s]]:
        weight = _counts(random, size, len(members), "seeds" in levels)[:, member]
        weight = weight / weight.sum(1, keepdims=True)
        drawn = [_draw(random, fold, weight, levels) for fold in folds]
        for part in _parts(size, width):
            figures = _figures(drawn, part, shape)
            ranks = np.einsum("dart,dr->dat", _ranks(figures), weight[part])
            yield np.einsum("dart,dr->dat", figures, weight[part]), ranks, figures

    estimate, ranks, figures = next(draw(1, ()))
    parts = [part[:2] for size in _blocks(draws, width) for part in draw(size, levels)]
    drawn, drawn_ranks = map(np.concatenate, zip(*parts, strict=True))
    return Resampled(names, estimate[0], drawn, figures[0], ranks[0], drawn_ranks)


class _Drawn(NamedTuple):
    """The draws of an outer fold."""

    fold: _Fold
    units: Float64s  # (D, units), how often each unit is drawn
    chosen: NDArray[np.int_]  # (D, A), the winner of each arm


def _figures(drawn: Sequence[_Drawn], part: slice, shape: tuple[int, int, int]) -> Float64s:
    """Returns the figures (d, A, R, T) of some of the draws; the shape is (A, R, T)."""
    size = len(drawn[0].units[part])
    top: Float64s = np.zeros((size, *shape))
    bottom: Float64s = np.zeros((size, *shape[1:]))
    for fold, units, chosen in drawn:
        sums = (units[part] @ fold.losses).reshape(size, -1, *shape[1:])
        top += sums[np.arange(size)[:, None], chosen[part]]
        bottom += (units[part] @ fold.trivial).reshape(bottom.shape)
    return 1 - top / bottom[:, None]


def _draw(
    random: np.random.Generator, fold: _Fold, weight: Float64s, levels: Collection[Level]
) -> _Drawn:
    units = _units(random, fold, len(weight), "rows" in levels)
    if "search" in levels:
        return _Drawn(fold, units, _choose(random, fold, weight))
    return _Drawn(fold, units, np.broadcast_to(fold.chosen, (len(weight), len(fold.chosen))))


def _flat(
    fold: OuterFold, names: tuple[str, ...], of: Callable[[FinalistScores], Float64s]
) -> _Fold:
    usable = [fold.usable(name) for name in names]
    every = [candidate for candidates in usable for candidate in candidates]
    identity = [id(candidate) for candidate in every]
    losses = np.stack([of(candidate) for candidate in every])  # (C, R, m, T)
    trivial = _by_unit(np.moveaxis(fold.trivial, 1, 0), fold)  # (units, R, T)
    labelled: NDArray[np.bool_] = np.all(trivial > 0, axis=1)
    return _Fold(
        _by_unit(np.moveaxis(losses, 2, 0), fold).reshape(fold.units, -1),
        trivial.reshape(fold.units, -1),
        labelled[:, labelled.any(0)].astype(float),
        np.stack([candidate.validation.mean(1) for candidate in every]),
        np.asarray([identity.index(id(fold.best(name))) for name in names]),
        np.repeat(np.arange(len(usable)), [len(candidates) for candidates in usable]),
        tuple(fold.trials[name] for name in names),
    )


def _by_unit(losses: Float64s, fold: OuterFold) -> Float64s:
    """Sums losses (m, ...) over the rows of each group, (units, ...)."""
    if fold.groups is None:
        return losses
    order = np.argsort(fold.groups, kind="stable")
    first = np.searchsorted(fold.groups[order], np.arange(fold.units))
    sums: Float64s = np.add.reduceat(losses[order], first)
    return sums


def _units(random: np.random.Generator, fold: _Fold, size: int, vary: bool) -> Float64s:
    """Returns how often each unit is drawn, (size, units); each draw has labels of every task."""
    drawn = _counts(random, size, len(fold.trivial), vary)
    while (empty := (drawn @ fold.labelled == 0).any(1)).any():
        drawn[empty] = _counts(random, int(empty.sum()), len(fold.trivial), vary)
    return drawn


def _counts(random: np.random.Generator, size: int, among: int, vary: bool) -> Float64s:
    """Returns how often each of `among` items is drawn, (size, among); once if not `vary`."""
    if not vary:
        return np.ones((size, among))
    return random.multinomial(among, np.full(among, 1 / among), size).astype(float)


def _choose(random: np.random.Generator, fold: _Fold, weight: Float64s) -> NDArray[np.int_]:
    """Returns the winner of each arm in each draw, (D, A)."""
    score = weight @ fold.validation.T  # (D, C)
    present = np.zeros(score.shape, dtype=bool)
    for arm, trials in enumerate(fold.trials):
        candidates = np.flatnonzero(fold.arm == arm)
        present[:, candidates] = _present(random, len(score), len(candidates), trials)
    score = np.where(present, score, -np.inf)
    chosen = [
        np.where(fold.arm == arm, score, -np.inf).argmax(1) for arm in range(len(fold.trials))
    ]
    return np.stack(chosen, axis=1)


def _present(random: np.random.Generator, size: int, count: int, trials: int) -> NDArray[np.bool_]:
    """Returns which candidates of an arm are among its drawn trials, (size, count)."""
    rest = max(trials - count, 0)
    every = count + rest
    chance = np.append(np.full(count, 1 / every), rest / every)
    present: NDArray[np.bool_] = random.multinomial(every, chance, size)[:, :count] > 0
    while (empty := ~present.any(1)).any():
        present[empty] = random.multinomial(every, chance, int(empty.sum()))[:, :count] > 0
    return present


def _ranks(figures: Float64s) -> Float64s:
    """Returns the rank of each arm among all arms (d, A, R, T); ties share a rank, 1 is best."""
    ranks = np.full_like(figures, 0.5)
    for arm in range(figures.shape[1]):
        other = figures[:, arm, None]
        ranks += (other > figures) + 0.5 * (other == figures)
    return ranks


def _blocks(draws: int, width: int) -> list[int]:
    size = max(1, min(draws, _BLOCK // width))
    return [size] * (draws // size) + ([draws % size] if draws % size else [])


def _parts(size: int, width: int) -> Iterator[slice]:
    step = max(1, _HELD // width)
    return (slice(begin, begin + step) for begin in range(0, size, step))
