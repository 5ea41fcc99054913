"""The input of the comparison: each arm's best trials, retrained on fresh seeds.

With nested cross-validation each outer fold has its own search, and therefore its own candidates
and held-out rows. Without it there is one outer fold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemomodel.arrays import Float64s

__all__ = ["ComparisonData", "FinalistScores", "OuterFold"]


@dataclass(frozen=True)
class FinalistScores:
    """One of an arm's best trials, retrained on fresh seeds.

    Attributes:
        trial: its number in the study.
        params: the searched parameters.
        epochs: number of training epochs.
        search_score: its score in the search.
        validation: (R, T), skill on the validation rows of the fresh replicates.
        losses: (R, m, T), of each held-out row.
        metrics: each metric on the held-out rows, (R, T).
        regret: (R, m, T), expected loss of each held-out row above the oracle's, where known.
    """

    trial: int
    params: Mapping[str, Any]
    epochs: int
    search_score: float
    validation: Float64s
    losses: Float64s
    metrics: Mapping[str, Float64s]
    regret: Float64s | None = None

    @property
    def is_finite(self) -> bool:
        """Whether its retraining did not diverge; a network that diverged cannot be chosen."""
        return bool(np.isfinite(self.validation).all() and np.isfinite(self.losses).all())


@dataclass(frozen=True)
class OuterFold:
    """One held-out part, and the results of the searches that did not use it.

    Attributes:
        trivial: (R, m, T), the trivial predictor's loss of each held-out row.
        arms: the candidates of each arm, the best of the search first; none if no trial of the
            arm ended with a score.
        trials: number of trials of each arm, including failed trials.
        references: (R, m, T), the losses of the reference models, by name.
        groups: (m,), the group (person) of each held-out row, numbered from 0; None if each row is
            a separate group.
    """

    trivial: Float64s
    arms: Mapping[str, tuple[FinalistScores, ...]]
    trials: Mapping[str, int]
    references: Mapping[str, Float64s] = field(default_factory=dict)
    groups: NDArray[np.int_] | None = None

    @property
    def units(self) -> int:
        """The number of independent held-out units: groups of rows, or rows."""
        return self.trivial.shape[1] if self.groups is None else int(self.groups.max()) + 1

    def usable(self, arm: str) -> tuple[FinalistScores, ...]:
        """Returns the candidates of an arm that did not diverge."""
        return tuple(candidate for candidate in self.arms.get(arm, ()) if candidate.is_finite)

    def best(self, arm: str) -> FinalistScores:
        """Returns an arm's winner: the best mean skill on the fresh seeds' validation rows.

        The first of equal ones. Candidates are in the order of the search's scores.
        """
        return max(self.usable(arm), key=lambda candidate: float(candidate.validation.mean()))


@dataclass(frozen=True)
class ComparisonData:
    """All outer folds of a study.

    Attributes:
        seeds: (R,), the seed of each replicate; the same in all outer folds.
        training_rows: number of rows that one replicate is trained on.
        outer_folds: one or more, in order.
        unit: what the bootstrap draws, in the plural: rows, or what the schema calls its groups.
    """

    seeds: NDArray[np.int_]
    training_rows: int
    outer_folds: tuple[OuterFold, ...]
    unit: str = "rows"

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that have a usable candidate in every outer fold, in order."""
        return tuple(name for name in self.outer_folds[0].arms if self._complete(name))

    @property
    def missing(self) -> tuple[str, ...]:
        """The arms without a usable candidate in some outer fold; they cannot be compared."""
        return tuple(name for name in self.outer_folds[0].arms if not self._complete(name))

    @property
    def rows(self) -> int:
        """Held-out rows of all outer folds."""
        return sum(fold.trivial.shape[1] for fold in self.outer_folds)

    @property
    def units(self) -> int:
        """Held-out units of all outer folds; no group is in two of them."""
        return sum(fold.units for fold in self.outer_folds)

    @property
    def references(self) -> "ComparisonData":
        """The reference models, as arms of one trial each."""
        blank = np.zeros((len(self.seeds), self.outer_folds[0].trivial.shape[2]))
        folds = tuple(
            replace(
                fold,
                arms={
                    name: (FinalistScores(0, {}, 0, 0.0, blank, losses, {}),)
                    for name, losses in fold.references.items()
                },
                trials=dict.fromkeys(fold.references, 1),
            )
            for fold in self.outer_folds
        )
        return replace(self, outer_folds=folds)

    def _complete(self, name: str) -> bool:
        return all(fold.usable(name) for fold in self.outer_folds)
