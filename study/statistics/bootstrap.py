"""The bootstrap of the comparison: held-out rows, seeds, and the luck of the search."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from study.evidence import Candidate, Evidence, Floats, OuterFold

__all__ = ["EVERYTHING", "Level", "Resampled", "resample"]

Level: TypeAlias = Literal["rows", "seeds", "search"]
EVERYTHING: tuple[Level, ...] = ("rows", "seeds", "search")
_BLOCK = 1 << 24  # numbers for which the draws are made at once
_HELD = 1 << 20  # numbers held at once


@dataclass(frozen=True)
class Resampled:
    """A figure of each arm and task, estimated and resampled; higher is better.

    Attributes:
        arms: names of the A arms.
        estimate: (A, T), mean over replicates.
        draws: (D, A, T), the same in each bootstrap sample.
        replicates: (A, R, T), the estimate of each replicate.
        ranks: (A, T), mean over replicates of an arm's rank; 1 is best.
        rank_draws: (D, A, T), the same in each bootstrap sample.
    """

    arms: tuple[str, ...]
    estimate: Floats
    draws: Floats
    replicates: Floats
    ranks: Floats
    rank_draws: Floats


class _Fold(NamedTuple):
    """One outer fold: candidates (C) of all arms in a row, each with the arm it belongs to."""

    losses: Floats  # (m, C * R * T)
    trivial: Floats  # (m, R * T)
    validation: Floats  # (C, R)
    chosen: NDArray[np.int_]  # (A,)
    arm: NDArray[np.int_]  # (C,)
    trials: tuple[int, ...]  # of each arm


def resample(
    evidence: Evidence,
    of: Callable[[Candidate], Floats] = lambda candidate: candidate.losses,
    *,
    draws: int,
    levels: Collection[Level] = EVERYTHING,
    seed: int = 0,
) -> Resampled:
    """Three-level bootstrap of 1 - loss / loss of the trivial predictor.

    Rows and seeds are drawn with replacement and are the same in all arms of a draw, so that
    differences are paired; the folds of a seed stay together (Davison & Hinkley, Bootstrap Methods
    and their Application, 1997, 3.8). Each arm's trials are drawn with replacement too, and the
    rule that chose the finalist is applied again to those candidates that were drawn, with their
    validation scores on the seeds that were drawn. A draw without any candidate is repeated.

    Args:
        evidence: of the study.
        of: what is summed over rows, (R, m, T) of a candidate.
        draws: D.
        levels: what is drawn; the rest stays as it was.
        seed: of the resampling.
    """
    random = np.random.default_rng(seed)
    names = evidence.arms
    folds = [_flat(fold, names, of) for fold in evidence.outer_folds]
    replicates, tasks = len(evidence.seeds), evidence.outer_folds[0].trivial.shape[2]
    shape = (-1, replicates, tasks)
    members, member = np.unique(evidence.seeds, return_inverse=True)
    width = max(fold.losses.shape[1] for fold in folds)

    def figures_of(drawn: Sequence[_Drawn], part: slice) -> Floats:
        size = len(drawn[0].rows[part])
        top: Floats = np.zeros((size, len(names), replicates, tasks))
        bottom: Floats = np.zeros((size, replicates, tasks))
        for fold, rows, chosen in drawn:
            sums = (rows[part] @ fold.losses).reshape(size, -1, replicates, tasks)
            top += sums[np.arange(size)[:, None], chosen[part]]
            bottom += (rows[part] @ fold.trivial).reshape(shape)
        return 1 - top / bottom[:, None]

    def draw(size: int, levels: Collection[Level]) -> Iterator[tuple[Floats, Floats, Floats]]:
        weight = _counts(random, size, len(members), "seeds" in levels)[:, member]
        weight = weight / weight.sum(1, keepdims=True)
        drawn = [_draw(random, fold, weight, levels) for fold in folds]
        for part in _parts(size, width):
            figures = figures_of(drawn, part)
            ranks = np.einsum("dart,dr->dat", _ranks(figures), weight[part])
            yield np.einsum("dart,dr->dat", figures, weight[part]), ranks, figures

    estimate, ranks, figures = next(draw(1, ()))
    parts = [part[:2] for size in _blocks(draws, width) for part in draw(size, levels)]
    drawn, drawn_ranks = map(np.concatenate, zip(*parts, strict=True))
    return Resampled(names, estimate[0], drawn, figures[0], ranks[0], drawn_ranks)


class _Drawn(NamedTuple):
    """What was drawn of an outer fold."""

    fold: _Fold
    rows: Floats  # (D, m), how often each row
    chosen: NDArray[np.int_]  # (D, A)


def _draw(
    random: np.random.Generator, fold: _Fold, weight: Floats, levels: Collection[Level]
) -> _Drawn:
    rows = _counts(random, len(weight), len(fold.trivial), "rows" in levels)
    if "search" in levels:
        return _Drawn(fold, rows, _choose(random, fold, weight))
    return _Drawn(fold, rows, np.broadcast_to(fold.chosen, (len(weight), len(fold.chosen))))


def _flat(fold: OuterFold, names: tuple[str, ...], of: Callable[[Candidate], Floats]) -> _Fold:
    own = [fold.usable(name) for name in names]
    every = [candidate for candidates in own for candidate in candidates]
    identity = [id(candidate) for candidate in every]
    losses = np.stack([of(candidate) for candidate in every])  # (C, R, m, T)
    rows = losses.shape[2]
    return _Fold(
        np.moveaxis(losses, 2, 0).reshape(rows, -1),
        np.moveaxis(fold.trivial, 1, 0).reshape(rows, -1),
        np.stack([candidate.validation.mean(1) for candidate in every]),
        np.asarray([identity.index(id(fold.best(name))) for name in names]),
        np.repeat(np.arange(len(own)), [len(candidates) for candidates in own]),
        tuple(fold.trials[name] for name in names),
    )


def _counts(random: np.random.Generator, size: int, among: int, vary: bool) -> Floats:
    """Returns how often each of some things is drawn, (size, among)."""
    if not vary:
        return np.ones((size, among))
    return random.multinomial(among, np.full(among, 1 / among), size).astype(float)


def _choose(random: np.random.Generator, fold: _Fold, weight: Floats) -> NDArray[np.int_]:
    """Returns the candidate that the rule chooses in each draw, (D, A)."""
    score = weight @ fold.validation.T  # (D, C)
    present = np.zeros(score.shape, dtype=bool)
    for arm, trials in enumerate(fold.trials):
        own = np.flatnonzero(fold.arm == arm)
        present[:, own] = _present(random, len(score), len(own), trials)
    score = np.where(present, score, -np.inf)
    chosen = [
        np.where(fold.arm == arm, score, -np.inf).argmax(1) for arm in range(len(fold.trials))
    ]
    return np.stack(chosen, axis=1)


def _present(random: np.random.Generator, size: int, own: int, trials: int) -> NDArray[np.bool_]:
    """Says which of an arm's candidates are among its trials drawn with replacement."""
    rest = max(trials - own, 0)
    chance = np.append(np.full(own, 1 / (own + rest)), rest / (own + rest))
    present: NDArray[np.bool_] = random.multinomial(own + rest, chance, size)[:, :own] > 0
    while (empty := ~present.any(1)).any():
        present[empty] = random.multinomial(own + rest, chance, int(empty.sum()))[:, :own] > 0
    return present


def _ranks(figures: Floats) -> Floats:
    """Returns the rank of each arm among all (d, A, R, T), ties shared; 1 is best."""
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
