"""Reference models per task without neural networks, on the same rows and features.

If a network does not beat them, sharing and balancing had no benefit. Each reference model is one
scikit-learn model per replicate and task. Its regularisation is chosen only on the training rows.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from hemomodel.arrays import Floats, Rows
from hemomodel.dataset.stack import Stack
from hemomodel.training.device_data import DeviceStack
from hemomodel.training.metrics import scores
from hemomodel.training.reference_boosting import boosting
from hemomodel.training.reference_forest import forest
from hemomodel.training.reference_linear import linear
from hemomodel.training.reference_problem import FitFunction, FittedTask, Problem
from hemomodel.training.scored_rows import ScoredRows, known_losses

__all__ = [
    "REFERENCES", "FittedReference", "ReferenceModel", "fit_references", "reference_losses",
    "reference_predictions",
]  # fmt: skip

REFERENCES: Mapping[str, FitFunction] = {
    "regularised_linear": linear,
    "gradient_boosting": boosting,
    "forest": forest,
}
"""The families of models, by name."""


FittedReference: TypeAlias = Sequence[Sequence[FittedTask]]
"""The fitted models of a family: R replicates of T tasks."""


@dataclass(frozen=True)
class ReferenceModel:
    """The scores of one model's predictions.

    Attributes:
        losses: (R, m, T), each row's loss, see `hemomodel.training.metrics.row_losses`. Zero where
            a label is unknown.
        metrics: each of `hemomodel.training.metrics.METRICS`, (R, T).
    """

    losses: Floats
    metrics: dict[str, Floats]


def fit_references(
    stack: Stack, families: Collection[str] = tuple(REFERENCES)
) -> dict[str, FittedReference]:
    """Fits reference models for every replicate and task.

    Args:
        stack: the replicates; the features are those of a network.
        families: names from `REFERENCES`.

    Returns:
        the fitted models by name.
    """
    problems = [problem for r in range(len(stack.pairs)) for problem in _problems(stack, r)]
    tasks = len(stack.tasks)
    fitted: dict[str, FittedReference] = {}
    with threadpool_limits(1):  # with a few hundred rows, threads mostly wait
        for name in families:
            models = [REFERENCES[name](problem) for problem in problems]
            starts = range(0, len(models), tasks)
            fitted[name] = [models[start : start + tasks] for start in starts]
    return fitted


def reference_predictions(
    stack: Stack, fitted: Mapping[str, FittedReference], rows: Rows
) -> dict[str, Floats]:
    """Returns the predictions of fitted reference models.

    Args:
        stack: the replicates that they were fitted on.
        fitted: by name, from `fit_references`.
        rows: (R, m) row numbers.

    Returns:
        (R, m, K) log-probabilities, and values in the task's unit, by the name of the model;
        `base_rate`, the trivial predictor, is one of them.
    """
    predictions = {"base_rate": np.repeat(stack.trivial[:, None], rows.shape[1], axis=1)}
    for name, replicates in fitted.items():
        predictions[name] = np.stack([
            np.concatenate([task.predict(x) for task in tasks], axis=1)
            for tasks, x in zip(replicates, _features(stack, rows), strict=True)
        ])  # fmt: skip
    return predictions


def reference_losses(
    stack: Stack, fitted: Mapping[str, FittedReference], rows: tuple[Rows, Rows] | None = None
) -> dict[str, ReferenceModel]:
    """Scores fitted reference models.

    Args:
        stack: the replicates that they were fitted on.
        fitted: by name, from `fit_references`.
        rows: (R, m) padded row numbers to score on, and their counts (R,), such as
            `(stack.score_rows, stack.score_counts)`; by default the held-out rows.

    Returns:
        `base_rate` (the trivial predictor) and each fitted model, by name.
    """
    rows = rows or stack.held_out
    scored = DeviceStack(stack, "cpu").scored(*rows)
    predictions = reference_predictions(stack, fitted, rows[0])
    return {name: _scored(scored, predicted) for name, predicted in predictions.items()}


def _scored(scored: ScoredRows, predictions: Floats) -> ReferenceModel:
    natural = torch.from_numpy(predictions).to(torch.get_default_dtype())
    metrics = scores(scored.layout, natural, scored.scoring_targets)
    losses = known_losses(scored.layout, natural, scored.scoring_targets)
    return ReferenceModel(losses.numpy(), {name: value.numpy() for name, value in metrics.items()})


def _features(stack: Stack, rows: Rows) -> Iterator[Floats]:
    """Yields the features (m, F) of each replicate's rows."""
    for features, of_replicate in zip(stack.features, rows, strict=True):
        yield features[of_replicate].astype(np.float64)


def _problems(stack: Stack, replicate: int) -> Iterator[Problem]:
    """Yields each task's problem."""
    rows = stack.train_rows[replicate][: stack.train_counts[replicate]]
    start = 0
    for place, task in enumerate(stack.tasks):
        known = rows[stack.known[rows, place]]
        label = stack.labels[known, start : start + task.size]
        start += task.size
        x = stack.features[replicate, known].astype(np.float64)
        groups = None if stack.groups is None else stack.groups[known]
        if task.levels:
            yield Problem(x, label.argmax(1), task.size, groups=groups)
        else:
            yield Problem(x, label[:, 0], 0, is_count=task.kind == "count", groups=groups)
