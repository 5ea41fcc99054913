"""Replicates: folds x seeds as masks over one table, and a separate held-out part.

One outer fold is the held-out part. It is split off first and belongs to no replicate. The other
rows are divided into folds, differently for each seed (repeated cross-validation). Rows of one
group, such as the visits of one person, are never divided, because otherwise a model would be
scored on persons from its training rows.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from hemomodel.arrays import Float64s, Groups, Mask
from hemomodel.cohort.cohort import Cohort
from hemomodel.errors import InputError
from hemomodel.schema.entries import Task

__all__ = ["Replicates", "Split", "repeated", "strata"]


@dataclass(frozen=True)
class Split:
    """Which rows each replicate trains on and is validated on.

    Attributes:
        train: (R, N).
        validation: (R, N).
        test: (N,), the held-out rows; they are in neither of the other two.
        rows_per_epoch: the smallest training part of the complete design. Each replicate sees this
            number of rows per epoch, so that all replicates take the same number of steps.
    """

    train: Mask
    validation: Mask
    test: Mask
    rows_per_epoch: int


@dataclass(frozen=True)
class Replicates:
    """A design of `folds` x `seeds` replicates; a slice selects some of them.

    Attributes:
        folds: validation folds per seed, at least 2.
        seeds: the number of seeds, which are then 0, 1, ..., or the seeds themselves.
        outer_folds: the number of outer folds, one of which is held out; at least 2.
        outer_fold: the outer fold that is held out, 0 to outer_folds - 1.
        outer_seed: seed of the held-out split.
    """

    folds: int = 5
    seeds: int | tuple[int, ...] = 4
    outer_folds: int = 5
    outer_fold: int = 0
    outer_seed: int = 0
    _chosen: tuple[int, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, least in (("folds", 2), ("outer_folds", 2)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; give {least} or more")
        if not 0 <= self.outer_fold < self.outer_folds:
            raise InputError(f"outer_fold is {self.outer_fold}; give 0 to {self.outer_folds - 1}")
        if not self.seed_list or min(self.seed_list) < 0:
            raise InputError(f"seeds is {self.seeds}; give a number above 0, or seeds of 0 or more")

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds of the complete design."""
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else tuple(self.seeds)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The (seed, fold) of each replicate."""
        design = [(seed, fold) for seed in self.seed_list for fold in range(self.folds)]
        return tuple(design if self._chosen is None else (design[i] for i in self._chosen))

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, chosen: slice) -> "Replicates":
        """Returns the chosen replicates; each trains exactly as in the complete design.

        Raises:
            InputError: the slice selects no replicate.
        """
        every = tuple(range(self.folds * len(self.seed_list)))
        positions = (every if self._chosen is None else self._chosen)[chosen]
        if not positions:
            raise InputError(
                f"{chosen} takes none of {len(self)} replicates; give a slice that takes at least 1"
            )
        return replace(self, _chosen=positions)

    def split(self, cohort: Cohort) -> Split:
        """Returns the masks over the rows of a cohort.

        Args:
            cohort: N rows; rare levels are spread over the folds, and groups are not divided.

        Raises:
            InputError: there are too few rows, or groups of rows, for the number of folds.
        """
        groups = repeated(cohort.groups)
        self._check_enough(groups, len(cohort))
        stratum = strata(cohort.labels, cohort.schema.tasks)
        test = self.held_out(stratum, groups)
        development = np.flatnonzero(~test)
        development_groups = None if groups is None else groups[development]
        if (
            development_groups is not None
            and (left := len(np.unique(development_groups))) < self.folds
        ):
            raise InputError(
                f"outer fold {self.outer_fold} leaves too few groups of rows ({left}) for "
                f"{self.folds} folds, because some groups are very large; use fewer folds"
            )
        fold_of = np.full((len(self.seed_list), len(cohort)), -1)
        for row, seed in zip(fold_of, self.seed_list, strict=True):
            row[development] = _folds(stratum[development], development_groups, self.folds, seed)
        largest = max(int(np.bincount(row[development]).max()) for row in fold_of)
        validation = np.stack(list(self._validation(fold_of)))
        return Split(~validation & ~test, validation, test, len(development) - largest)

    def held_out(self, stratum: NDArray[np.int_], groups: Groups | None) -> Mask:
        """Returns which rows (N,) are held out.

        Args:
            stratum: (N,), of each row, from `strata`.
            groups: (N,), of each row; None if no two rows belong together.
        """
        is_out: Mask = _folds(stratum, groups, self.outer_folds, self.outer_seed) == self.outer_fold
        return is_out

    def _check_enough(self, groups: Groups | None, rows: int) -> None:
        least = 2 * self.folds * self.outer_folds
        count, unit = rows, "rows"
        if groups is not None:
            count, unit = len(np.unique(groups)), "groups of rows"
        if count < least:
            raise InputError(
                f"the cohort has {count} {unit}, and {self.outer_folds} outer folds of "
                f"{self.folds} folds need {least}; use fewer folds or a larger table"
            )

    def _validation(self, fold_of: NDArray[np.int_]) -> Iterator[Mask]:
        position = {seed: row for row, seed in enumerate(self.seed_list)}
        for seed, fold in self.pairs:
            yield fold_of[position[seed]] == fold


def repeated(groups: Groups | None) -> Groups | None:
    """Returns groups (N,), or None if each group has a single row."""
    return None if groups is None or len(np.unique(groups)) == len(groups) else groups


def strata(labels: Float64s, tasks: tuple[Task, ...]) -> NDArray[np.int_]:
    """Returns one stratum per row (N,): the rarest level among the row's tasks.

    So the rare levels of all tasks are spread together, which strata of a single task would not do.
    Rows without a known level form one separate stratum.

    Args:
        labels: (N, T), level indices; tasks with values are not used.
        tasks: the T tasks.
    """
    start, columns, counts = 0, [], []
    for column, task in zip(labels.T, tasks, strict=True):
        if task.is_value:
            continue
        level = np.where(np.isnan(column), 0, column).astype(int)
        count = np.bincount(level[~np.isnan(column)], minlength=task.size)
        columns.append(level + start)
        counts.append(np.where(np.isnan(column), len(labels) + 1, count[level]))
        start += task.size
    if not columns:
        return np.zeros(len(labels), dtype=int)
    rarest = np.argmin(counts, axis=0)
    stratum: NDArray[np.int_] = np.asarray(columns)[rarest, np.arange(len(labels))]
    return np.where(np.min(counts, axis=0) > len(labels), start, stratum)


def _folds(
    stratum: NDArray[np.int_], groups: Groups | None, folds: int, seed: int
) -> NDArray[np.int_]:
    """Returns the fold of each row; sizes differ by at most one row, or as groups allow."""
    order = np.zeros(len(stratum), dtype=int)
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    sizes = np.bincount(stratum)
    # A stratum smaller than the number of folds cannot be spread; all small strata together can.
    merged = np.where(sizes[stratum] < folds, -1, stratum)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for fold, (_, rows) in enumerate(splitter.split(merged, merged, groups)):
            order[rows] = fold
    return order
