"""Reference models per task without neural networks, on the same rows and features.

If a network does not beat them, sharing and balancing had no benefit. Each reference model is one
scikit-learn model per replicate and task. Its regularisation is chosen only on the training rows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, RidgeCV
from sklearn.metrics import mean_poisson_deviance
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from hemomodel.arrays import Floats, Rows
from hemomodel.dataset.stack import Stack
from hemomodel.training.device_data import DeviceStack
from hemomodel.training.metrics import scores
from hemomodel.training.scored_rows import ScoredRows, known_losses

__all__ = ["REFERENCES", "ReferenceModel", "reference_losses", "reference_predictions"]

_FOLDS = 3  # inner folds; few, because a rare level has few rows
_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)  # C of the logistic regression
_PENALTIES = np.logspace(-1, 5, 13)  # of the ridge regression
_SHRINKAGES = np.logspace(-4, 1, 6)  # of the Poisson regression, for counts with mean one
_STEP, _MOST = 5, 500  # rounds of boosting: evaluated after every _STEP, at most _MOST


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


@dataclass(frozen=True)
class _Problem:
    """One task of one replicate.

    Attributes:
        x: (n, F), features of the labelled training rows.
        y: (n,), level numbers, or values in the task's unit.
        levels: the number of levels; zero for a value. The order of levels is not used.
        is_count: whether the value is a count.
        groups: (n,), the person of each row; None if no person has two rows.
    """

    x: Floats
    y: Floats
    levels: int
    is_count: bool = False
    groups: Rows | None = None

    def only(self, rows: Rows) -> "_Problem":
        """Returns the problem with some rows only."""
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], groups=groups)


Predictor: TypeAlias = Callable[[_Problem, Floats], Floats]
"""(problem, features (m, F)) -> (m, levels) log-probabilities, or (m, 1) values.

The mean of a count must be above zero, because otherwise its loss is not finite.
"""


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


def _problems(stack: Stack, replicate: int) -> Iterator[_Problem]:
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
            yield _Problem(x, label.argmax(1), task.size, groups=groups)
        else:
            yield _Problem(x, label[:, 0], 0, is_count=task.kind == "count", groups=groups)


def _linear(problem: _Problem, at: Floats) -> Floats:
    """Fits ridge, logistic or Poisson regression; inner cross-validation chooses the penalty."""
    if problem.levels:
        models = [LogisticRegression(C=strength, max_iter=1000) for strength in _STRENGTHS]
    elif problem.is_count:
        models = [PoissonRegressor(alpha=alpha, max_iter=1000) for alpha in _SHRINKAGES]
    elif _whole(problem) is None:  # RidgeCV has leave-one-out in closed form
        return _predicted(RidgeCV(_PENALTIES), problem, at)
    else:
        models = [Ridge(alpha=penalty) for penalty in _PENALTIES]

    def loss(model: Any) -> float:
        return _mean(_loss(model, *fold) for fold in _inner(problem))

    return _predicted(min(models, key=loss), problem, at)


def _boosting(problem: _Problem, at: Floats) -> Floats:
    """Fits gradient boosting of shallow trees; inner cross-validation chooses the rounds."""
    return _predicted(_booster(problem, max_iter=_rounds(problem)), problem, at)


def _rounds(problem: _Problem) -> int:
    """Returns the number of rounds with the lowest inner loss: adds rounds until it rises."""
    folds = list(_inner(problem))
    models = [_booster(problem, warm_start=True) for _ in folds]
    least = np.inf
    for rounds in range(_STEP, _MOST + 1, _STEP):
        pairs = zip(models, folds, strict=True)
        loss = _mean(_loss(model.set_params(max_iter=rounds), *fold) for model, fold in pairs)
        if loss >= least:
            return rounds - _STEP
        least = loss
    return _MOST


def _booster(problem: _Problem, **more: Any) -> Any:
    kind = HistGradientBoostingClassifier if problem.levels else HistGradientBoostingRegressor
    if problem.is_count:
        more["loss"] = "poisson"
    return kind(
        max_depth=2,
        learning_rate=0.2,
        min_samples_leaf=10,
        l2_regularization=5.0,  # otherwise a level with few rows gets leaves with extreme values
        early_stopping=False,
        random_state=0,
        **more,
    )


def _inner(problem: _Problem) -> Iterator[tuple[_Problem, _Problem]]:
    """Yields the training and the validation part of each inner fold; groups are not divided."""
    groups = _whole(problem)
    kind = KFold if groups is None else GroupKFold
    splitter = kind(_FOLDS, shuffle=True, random_state=0)
    for train, rest in splitter.split(problem.x, groups=groups):
        yield problem.only(train), problem.only(rest)


def _whole(problem: _Problem) -> Rows | None:
    """Returns the groups for inner folds; None if there are no groups or fewer than folds."""
    groups = problem.groups
    return None if groups is None or len(np.unique(groups)) < _FOLDS else groups


def _predicted(model: Any, problem: _Problem, at: Floats) -> Floats:
    """Returns the predictions of a model that is fitted to the problem.

    A level without a training row gets the probability of the trivial predictor. If all counts are
    zero, the mean is half a case divided by the number of rows.
    """
    if problem.is_count:
        return _predicted_count(model, problem, at)
    if not problem.levels:
        values: Floats = model.fit(problem.x, problem.y).predict(at)[:, None]
        return values
    floor = 0.5 / (len(problem.y) + 0.5 * problem.levels)
    chances = np.full((len(at), problem.levels), floor)
    seen = np.unique(problem.y)
    # A classifier cannot be fitted to a single level.
    fitted = model.fit(problem.x, problem.y).predict_proba(at) if len(seen) > 1 else 1.0
    chances[:, seen] = fitted * (1 - floor * (problem.levels - len(seen)))
    logs: Floats = np.log(chances.clip(np.finfo(np.float64).tiny))
    return logs


def _predicted_count(model: Any, problem: _Problem, at: Floats) -> Floats:
    """Returns the means (m, 1) of a model that is fitted to counts divided by their mean."""
    mean = problem.y.mean()
    if not mean:
        return np.full((len(at), 1), 0.5 / len(problem.y))
    values: Floats = mean * model.fit(problem.x, problem.y / mean).predict(at)[:, None]
    return values


def _loss(model: Any, train: _Problem, rest: _Problem) -> float:
    outputs = _predicted(model, train, rest.x)
    if rest.is_count:
        return float(mean_poisson_deviance(rest.y, outputs[:, 0]))
    if not rest.levels:
        return float(np.square(outputs[:, 0] - rest.y).mean())
    return float(-outputs[np.arange(len(rest.y)), rest.y].mean())


def _mean(losses: Iterator[float]) -> float:
    return float(np.mean(list(losses)))


REFERENCES: Mapping[str, Predictor] = {
    "regularised_linear": _linear,
    "gradient_boosting": _boosting,
}
"""The models that are fitted, by name."""
