"""The subgroups that the schema declares, each large enough to protect single persons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemomodel.arrays import Groups
from hemomodel.schema.entries import Subgroup
from hemomodel.schema.schema import Schema

__all__ = ["ALL_ROWS", "MIN_UNITS", "SubgroupLevel", "subgroup_levels"]


MIN_UNITS = 10
"""The fewest groups of rows (persons) in a subgroup: for privacy, and because fewer are noise."""
ALL_ROWS = "all"
_ALL_TITLES = {"zh": "全部"}
_UNKNOWN = "not known"


@dataclass(frozen=True, eq=False)
class SubgroupLevel:
    """One level of a subgroup declaration, and its rows.

    Attributes:
        subgroup: name of the declaration, or two names joined by a cross.
        title: of the declaration.
        second_title: the title in the second language of the schema, or "".
        level: name of the level.
        rows: (m,), whether a row has this level; all False if the rows may not be shown.
    """

    subgroup: str
    title: str
    second_title: str
    level: str
    rows: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Split:
    """All rows by level: `code` (m,) is an index into `levels`."""

    name: str
    title: str
    second_title: str
    code: NDArray[np.int64]
    levels: tuple[str, ...]

    def parts(self) -> Iterator[SubgroupLevel]:
        for place, level in enumerate(self.levels):
            yield SubgroupLevel(self.name, self.title, self.second_title, level, self.code == place)


def subgroup_levels(schema: Schema, table: pd.DataFrame, groups: Groups) -> list[SubgroupLevel]:
    """Returns all rows, the rows of each level, and the rows of each pair of levels.

    A level with fewer than `MIN_UNITS` groups is joined with another level: a number with its
    neighbour, a code with the next smallest. If only one level remains, nothing is shown. Two
    declarations are crossed only if every pair of their levels has enough groups. Otherwise the
    missing pair could be computed by subtraction.

    Args:
        schema: declares the subgroups.
        table: (m, columns), as in `Cohort.table`.
        groups: (m,), the same number in all rows of one group (person).
    """
    second = _ALL_TITLES.get(schema.second_language, "")
    every = np.ones(len(table), dtype=bool)
    parts = [SubgroupLevel(ALL_ROWS, "All rows", second, ALL_ROWS, every)]
    splits = [
        _joined(_split(schema, subgroup, table, groups), groups) for subgroup in schema.subgroups
    ]
    for split in splits:
        if len(split.levels) > 1:
            parts += split.parts()
        else:
            level = f"not shown: fewer than {MIN_UNITS} in a level"
            none = np.zeros(len(table), dtype=bool)
            parts.append(SubgroupLevel(split.name, split.title, split.second_title, level, none))
    several = [split for split in splits if len(split.levels) > 1]
    for crossed in map(_crossed, combinations(several, 2)):
        if _counts(crossed.code, groups, len(crossed.levels)).min() >= MIN_UNITS:
            parts += crossed.parts()
    return parts


def _split(schema: Schema, subgroup: Subgroup, table: pd.DataFrame, groups: Groups) -> _Split:
    column = table[subgroup.column]
    known = column.notna().to_numpy()
    if subgroup.cuts:
        values = column.to_numpy(dtype=float)
        cuts = _kept(subgroup.cuts, values[known], groups[known])
        code, levels = np.digitize(values, cuts), _bands(cuts)
    elif pd.api.types.is_numeric_dtype(column):
        codes = schema.read[subgroup.column].codes if subgroup.column in schema.read else {}
        code = (column.to_numpy() > 0).astype(np.int64)
        levels = [codes.get("0", "no"), codes.get("1", "yes")]
    else:
        codes = schema.read[subgroup.column].codes
        code = np.asarray(pd.Categorical(column, list(codes)).codes, dtype=np.int64)
        levels = [*codes.values()]
    names = [*levels, _UNKNOWN]
    same = np.array([names.index(name) for name in names])  # two codes may mean the same
    filled, code = np.unique(same[np.where(known, code, len(levels))], return_inverse=True)
    levels_with_rows = tuple(names[at] for at in filled)
    second = schema.second_title(subgroup)
    return _Split(subgroup.name, subgroup.title, second, code, levels_with_rows)


def _kept(
    cuts: tuple[float, ...], values: NDArray[np.float64], groups: Groups
) -> tuple[float, ...]:
    """Returns the cuts without those that leave too few groups between them.

    The smallest band is joined with its smaller neighbour.
    """
    counts = _counts(np.digitize(values, cuts), groups, len(cuts) + 1)
    small = int(counts.argmin())
    if not cuts or counts[small] >= MIN_UNITS:
        return cuts
    beside = [cut for cut in (small - 1, small) if 0 <= cut < len(cuts)]  # the cuts of this band
    gone = min(beside, key=lambda cut: counts[cut] + counts[cut + 1])
    return _kept((*cuts[:gone], *cuts[gone + 1 :]), values, groups)


def _bands(cuts: Sequence[float]) -> list[str]:
    """Returns the names of the bands between cuts.

    >>> _bands([50, 65]), _bands([])
    (['below 50', '50 to below 65', '65 and above'], ['known'])
    """
    if not cuts:
        return ["known"]
    between = [f"{low:g} to below {high:g}" for low, high in pairwise(cuts)]
    return [f"below {cuts[0]:g}", *between, f"{cuts[-1]:g} and above"]


def _joined(split: _Split, groups: Groups) -> _Split:
    """Joins the smallest level with the next smallest until none has too few groups."""
    counts = _counts(split.code, groups, len(split.levels))
    if len(counts) == 1 or counts.min() >= MIN_UNITS:
        return split
    low, high = sorted(counts.argsort(kind="stable")[:2])
    levels = list(split.levels)
    levels[low] = f"{levels[low]} or {levels.pop(high)}"
    code = np.where(split.code == high, low, split.code - (split.code > high))
    return _joined(replace(split, code=code, levels=tuple(levels)), groups)


def _counts(code: NDArray[np.int64], groups: Groups, levels: int) -> NDArray[np.int64]:
    """Returns the number of groups in each level."""
    pairs = np.unique(np.stack([code, groups]), axis=1)
    return np.bincount(pairs[0], minlength=levels)


def _crossed(pair: tuple[_Split, _Split]) -> _Split:
    first, second = pair
    return _Split(
        f"{first.name} × {second.name}",
        f"{first.title} × {second.title}",
        f"{first.second_title} × {second.second_title}"
        if first.second_title and second.second_title
        else "",
        first.code * len(second.levels) + second.code,
        tuple(f"{level}, {other}" for level in first.levels for other in second.levels),
    )
