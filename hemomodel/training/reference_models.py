"""Reference models per task without neural networks, on the same rows and features.

If a network does not beat them, sharing and balancing had no benefit. Each reference model is one
scikit-learn model per replicate and task. Its regularisation is chosen only on the training rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from hemomodel.arrays import Floats, Rows
from hemomodel.dataset.stack import Stack
from hemomodel.training.device_data import DeviceStack
from hemomodel.training.metrics import scores
from hemomodel.training.reference_boosting import boosting
from hemomodel.training.reference_forest import forest
from hemomodel.training.reference_linear import linear
from hemomodel.training.reference_problem import Predictor, Problem
from hemomodel.training.scored_rows import ScoredRows, known_losses

__all__ = ["REFERENCES", "ReferenceModel", "reference_losses", "reference_predictions"]

REFERENCES: Mapping[str, Predictor] = {
    "regularised_linear": linear,
    "gradient_boosting": boosting,
    "forest": forest,
}
"""The models that are fitted, by name."""


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


def reference_losses(
    stack: Stack, rows: tuple[Rows, Rows] | None = None, *, n_jobs: int = 1
) -> dict[str, ReferenceModel]:
    """Fits every reference model for every replicate and task, and scores it.

    Args:
        stack: the replicates; the features are those of a network.
        rows: (R, m) padded row numbers to score on, and their counts (R,), such as
            `(stack.score_rows, stack.score_counts)`; by default the held-out rows.
        n_jobs: the number of processes that fit models.

    Returns:
        `base_rate` (the trivial predictor) and each of `REFERENCES`, by name.
    """
    rows = rows or stack.held_out
    scored = DeviceStack(stack, "cpu").scored(*rows)
    predictions = reference_predictions(stack, rows, n_jobs=n_jobs)
    return {name: _scored(scored, predicted) for name, predicted in predictions.items()}


def reference_predictions(
    stack: Stack, rows: tuple[Rows, Rows], *, n_jobs: int = 1
) -> dict[str, Floats]:
    """Fits every reference model for every replicate and task.

    Args:
        stack: as for `reference_losses`.
        rows: as for `reference_losses`.
        n_jobs: the number of processes that fit models.

    Returns:
        (R, m, K) log probabilities, and values in the task's unit, by the name of the model.
    """
    predictions = {"base_rate": np.repeat(stack.trivial[:, None], rows[0].shape[1], axis=1)}
    jobs = [
        (model, problem, stack.features[r, rows[0][r]].astype(np.float64))
        for model in REFERENCES.values()
        for r in range(len(stack.pairs))
        for problem in _problems(stack, r)
    ]
    with threadpool_limits(1):  # with a few hundred rows, threads mostly wait
        columns = Parallel(n_jobs)(delayed(model)(*given) for model, *given in jobs)
    shape = len(REFERENCES), len(stack.pairs), len(stack.tasks)
    for place, name in enumerate(REFERENCES):
        start = place * shape[1] * shape[2]
        replicates = [columns[start + r * shape[2] :][: shape[2]] for r in range(shape[1])]
        predictions[name] = np.stack([np.concatenate(tasks, axis=1) for tasks in replicates])
    return predictions


def _scored(scored: ScoredRows, predictions: Floats) -> ReferenceModel:
    natural = torch.from_numpy(predictions).to(torch.get_default_dtype())
    metrics = scores(scored.layout, natural, scored.scoring_targets)
    losses = known_losses(scored.layout, natural, scored.scoring_targets)
    return ReferenceModel(losses.numpy(), {name: value.numpy() for name, value in metrics.items()})


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
