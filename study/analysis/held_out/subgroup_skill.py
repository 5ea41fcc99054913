"""The skill of ensembles on subgroups, with intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemomodel.arrays import Float64s
from hemomodel.schema.entries import Task
from hemomodel.schema.schema import Schema
from study.analysis.held_out.rows import HeldOutRows
from study.analysis.held_out.subgroups import ALL_ROWS, MIN_UNITS, SubgroupLevel, subgroup_levels
from study.settings.analysis_plan import DEFAULT_PLAN

__all__ = ["MEAN_TASK", "subgroup_skill"]

MEAN_TASK = "mean"
"""The entry for the mean over the tasks in the column `task`."""
_UNITS = 500  # more are joined at random: the variance is the same, and the arrays stay small
_DRAWS = 2000


def subgroup_skill(
    schema: Schema,
    rows: Sequence[HeldOutRows],
    losses: Mapping[str, Sequence[Float64s]],
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Returns each arm's skill on each subgroup, over all outer folds.

    The skill of a subgroup is relative to the trivial predictor of all rows. Intervals are
    percentiles of a bootstrap over rows, or over groups if a group has several rows. The networks
    stay fixed.

    Args:
        schema: declares the subgroups.
        rows: the held-out rows, one entry per outer fold.
        losses: arm -> (m, T) of each outer fold.
        seed: of the bootstrap.

    Returns:
        arm, subgroup, title, title_zh, level, task (or `mean`), rows, estimate, low, high. For a
        task, `rows` counts the labelled rows, but only among all rows. Subgroups have no count per
        task, because the difference of two counts could be a few persons. A task with labels of
        fewer than `MIN_UNITS` groups has neither figures nor a count.
    """
    tasks = rows[0].tasks
    table = pd.concat([fold.table for fold in rows], ignore_index=True)
    known = np.concatenate([fold.known for fold in rows])
    trivial = np.concatenate([fold.trivial_losses for fold in rows])
    by_arm = np.stack([np.concatenate(folds) for folds in losses.values()], axis=1)  # (m, A, T)
    random = np.random.default_rng(seed)
    starts = np.cumsum([0, *(fold.units.max() + 1 for fold in rows)])
    groups = np.concatenate([f.units + start for f, start in zip(rows, starts, strict=False)])
    units = _joined(groups, random)
    figures = []
    for part in subgroup_levels(schema, table, groups):
        given = by_arm[part.rows], trivial[part.rows], known[part.rows], units[part.rows]
        figures.append(_figures(part, list(losses), tasks, given, random))
    return pd.concat(figures, ignore_index=True)


def _joined(units: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Returns units numbered from 0, joined at random into at most `_UNITS`."""
    distinct, place = np.unique(units, return_inverse=True)
    return np.asarray(random.permutation(len(distinct))[place] % _UNITS)


def _figures(
    part: SubgroupLevel,
    arms: Sequence[str],
    tasks: Sequence[Task],
    given: tuple[Float64s, Float64s, NDArray[np.bool_], NDArray[np.int64]],
    random: np.random.Generator,
) -> pd.DataFrame:
    losses, trivial, known, units = given
    enough = (_sums(units, known.astype(float)) > 0).sum(0) >= MIN_UNITS
    labelled = np.where(enough & (part.subgroup == ALL_ROWS), known.sum(0), np.nan)
    estimate, low, high = _skills(losses, trivial, enough, units, random)
    names = [*(task.name for task in tasks), MEAN_TASK]
    index = pd.MultiIndex.from_product([arms, names], names=["arm", "task"])
    return index.to_frame(index=False).assign(
        subgroup=part.subgroup,
        title=part.title,
        title_zh=part.second_title,
        level=part.level,
        rows=np.tile([*labelled, len(known)], len(arms)),
        estimate=estimate.ravel(),
        low=low.ravel(),
        high=high.ravel(),
    )


def _skills(
    losses: Float64s,
    trivial: Float64s,
    enough: NDArray[np.bool_],
    units: NDArray[np.int64],
    random: np.random.Generator,
) -> tuple[Float64s, Float64s, Float64s]:
    """Returns estimates and ends of intervals, (A, T + 1) each; the last column is the mean.

    Args:
        losses: (m, A, T), zero where a label is unknown.
        trivial: (m, T), likewise.
        enough: (T,), whether a task has enough labels; the mean is over these tasks.
        units: (m,), the unit of each row; its rows are drawn together.
        random: the generator.
    """
    shape = losses.shape[1], losses.shape[2] + 1
    count, unit = _sums(units, losses), _sums(units, trivial)
    enough = enough & (unit > 0).any(0)
    if not enough.any():
        nothing = np.full(shape, np.nan)
        return nothing, nothing, nothing
    weight = np.vstack([np.ones(len(unit)), _drawn(random, unit[:, enough] > 0)])
    top = np.tensordot(weight, count, 1)  # (D + 1, A, T)
    bottom = np.where(enough, weight @ unit, np.nan)[:, None]
    by_task = 1 - np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
    skills = np.concatenate([by_task, by_task[..., enough].mean(-1, keepdims=True)], -1)
    ends = [(1 - DEFAULT_PLAN.level) / 2, (1 + DEFAULT_PLAN.level) / 2]
    low, high = np.full((2, *shape), np.nan)
    drawn = np.append(enough, True)
    low[:, drawn], high[:, drawn] = np.quantile(skills[1:, :, drawn], ends, axis=0)
    return skills[0], low, high


def _drawn(random: np.random.Generator, telling: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns how often each unit is drawn, (D, U).

    Every draw has, for each task, at least one unit on which the trivial predictor has a loss.

    Args:
        random: the generator.
        telling: (U, T), whether the trivial predictor has a loss on a unit.
    """
    count = len(telling)
    chance = np.full(count, 1 / count)
    drawn = random.multinomial(count, chance, _DRAWS)
    while (empty := (drawn @ telling.astype(np.int64) == 0).any(1)).any():
        drawn[empty] = random.multinomial(count, chance, int(empty.sum()))
    return drawn


def _sums(units: NDArray[np.int64], values: Float64s) -> Float64s:
    """Returns the sums of values (m, ...) over each unit, (U, ...)."""
    distinct, place = np.unique(units, return_inverse=True)
    sums = np.zeros((len(distinct), *values.shape[1:]))
    np.add.at(sums, place, values)
    return sums
