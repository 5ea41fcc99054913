"""Compares the coverage that a model promises with new patients of the built-in cohort."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hemomodel.cohort.cohort import Cohort
from hemomodel.cohort.synthetic.cohort import synthetic_cohort
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.splits import Replicates
from hemomodel.ensemble.build import build_model
from hemomodel.ensemble.conformal import interval, level_sets
from hemomodel.errors import InputError
from hemomodel.network.heads import HeadLayout
from hemomodel.recommender.model import Model
from hemomodel.recommender.recommendations import condition_on_previous
from hemomodel.schema.entries import Task
from hemomodel.schema.output_slices import task_slices
from hemomodel.training.fit_config import FitConfig
from hemomodel.training.loop import Training
from hemomodel.training.metrics import row_regret

__all__ = [
    "FRESH",
    "CoverageResult",
    "coverage_of",
    "coverage_study",
    "fit_model",
    "measure_coverage",
]

FRESH = 1_000_000  # the seed of the new patients; no model is fitted on it


@dataclass(frozen=True)
class CoverageResult:
    """The result of one task on new patients, as means over cohorts.

    Attributes:
        rows: of the cohort that the model was fitted on, after its filters.
        task: the title of the task.
        coverage: the share of labels within their sets or intervals.
        size: mean number of levels in a set, or width of an interval.
        unit: the unit of `size`.
        hit: the share of recommended levels that are right, or the mean absolute error.
        hit_unit: the unit of `hit`.
        regret: expected loss above the oracle's, in nats or squared units.
        raw_regret: the regret before temperature scaling.
    """

    rows: int
    task: str
    coverage: float
    size: float
    unit: str
    hit: float
    hit_unit: str
    regret: float
    raw_regret: float


def coverage_study(
    rows: int, seeds: Sequence[int], fresh: int, coverage: float
) -> Iterator[CoverageResult]:
    """Yields the results of models with the default configuration, one task at a time.

    Args:
        rows: of each workbook that a model is fitted on.
        seeds: one per workbook.
        fresh: rows of the workbook of new patients.
        coverage: the promised coverage.
    """
    new = synthetic_cohort(fresh, seed=FRESH)
    cohorts = [synthetic_cohort(rows, seed=seed) for seed in seeds]
    measured = [measure_coverage(fit_model(cohort), new, coverage) for cohort in cohorts]
    size = round(float(np.mean([len(cohort) for cohort in cohorts])))
    yield from _by_task(size, new.schema.tasks, np.mean(measured, axis=0))


def coverage_of(model: Model, fresh: int, coverage: float) -> Iterator[CoverageResult]:
    """Yields the results of a model that was fitted on the built-in cohort.

    Args:
        model: for example a model that a study exported.
        fresh: rows of the workbook of new patients.
        coverage: the promised coverage.

    Raises:
        InputError: the model's tasks are not those of the built-in cohort.
    """
    new = synthetic_cohort(fresh, seed=FRESH)
    if model.tasks != new.schema.tasks:
        raise InputError(
            f"the model was fitted on {model.fitted.schema.name!r}, and new patients exist only "
            "for the built-in cohort; give a model that was fitted on synthetic:N"
        )
    yield from _by_task(
        model.fitted.about["data"]["rows"], model.tasks, measure_coverage(model, new, coverage)
    )


def _by_task(
    rows: int, tasks: Sequence[Task], measured: NDArray[np.float64]
) -> Iterator[CoverageResult]:
    for task, figures in zip(tasks, measured, strict=True):
        unit = f" {task.unit}" if task.is_value else ""
        yield CoverageResult(
            rows=rows,
            task=task.title,
            coverage=figures[0],
            size=figures[1],
            unit=unit or " levels",
            hit=figures[2],
            hit_unit=unit,
            regret=figures[3],
            raw_regret=figures[4],
        )


def fit_model(cohort: Cohort, config: FitConfig | None = None) -> Model:
    """Returns a model of the default design, fitted on a cohort.

    Args:
        cohort: all rows; the design splits off the held-out part.
        config: None means the default configuration.
    """
    config = config or FitConfig()
    stack = prepare(
        cohort, Replicates(), features=config.features, targets=config.targets, with_test=True
    )
    training = Training(config, stack)
    training.run_epochs(config.epochs)
    return Model(build_model(cohort, config, stack, training.network.parameters))


def measure_coverage(model: Model, new: Cohort, coverage: float) -> NDArray[np.float64]:
    """Returns coverage, size, hit, regret, and regret before temperature scaling (T, 5).

    Args:
        model: of the built-in cohort.
        new: patients that the model was not fitted on, with the best possible prediction.
        coverage: the promised coverage.
    """
    raw = model.predict(new.table)
    tempered = model.calibrated(new.table)
    regrets = [_regret(model, predicted, new) for predicted in (tempered, raw)]
    given = condition_on_previous(model.tasks, model.task_groups, tempered)
    recommended = {place: chances.argmax(1) for place, chances in given.items()}
    figures = [
        (
            *_coverage(model, place, tempered[:, columns], recommended.get(place), new, coverage),
            *(regret[place] for regret in regrets),
        )
        for place, columns in enumerate(task_slices(model.tasks))
    ]
    return np.array(figures)


def _coverage(
    model: Model,
    place: int,
    predicted: NDArray[np.floating],
    recommended: NDArray[np.int64] | None,
    new: Cohort,
    coverage: float,
) -> tuple[float, float, float]:
    """Returns coverage, size and hit of a task; `recommended` is None if it has no levels."""
    task, scores = model.tasks[place], model.fitted.scores[place]
    known = ~np.isnan(new.labels[:, place])
    labels, predicted = new.labels[known, place], predicted[known]
    if recommended is None:
        middle, low, high = interval(task, predicted[:, 0], scores, coverage)
        inside = (low <= labels) & (labels <= high)
        return inside.mean(), (high - low).mean(), np.abs(middle - labels).mean()
    sets = level_sets(task, np.exp(predicted), scores, coverage)
    rows, choice, level = np.arange(len(sets)), recommended[known], labels.astype(int)
    sets[rows, choice] = True
    return sets[rows, level].mean(), sets.sum(1).mean(), (choice == level).mean()


def _regret(model: Model, predicted: NDArray[np.floating], new: Cohort) -> NDArray[np.float64]:
    layout = HeadLayout(model.tasks, torch.float64)
    optimum = torch.from_numpy(np.asarray(new.bayes_prediction))
    rows = row_regret(layout, torch.from_numpy(predicted.astype(np.float64))[None], optimum[None])
    mean: NDArray[np.float64] = rows[0].mean(0).numpy()
    return mean
