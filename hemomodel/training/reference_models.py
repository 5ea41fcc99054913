"""Reference models: what each task gives without any network, on the same rows and features.

A network that does not beat them has not gained by sharing, nor by balancing. Each is one
scikit-learn model a replicate and task, with its strength chosen on the training rows alone.
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

__all__ = ["REFERENCES", "ReferenceModel", "reference_losses"]

_FOLDS = 3  # inner ones: a rare level has few rows to spread over them
_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)  # C of the logistic regression
_PENALTIES = np.logspace(-1, 5, 13)  # of the ridge regression
_SHRINKAGES = np.logspace(-4, 1, 6)  # of the Poisson regression, of counts whose mean is one
_STEP, _MOST = 5, 500  # rounds of boosting: tried every so many, and never more than


@dataclass(frozen=True)
class ReferenceModel:
    """One model's predictions, scored.

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
        levels: how many; zero for a value.
        is_count: whether the value is a count. The order of levels is not made use of.
        groups: (n,), whose row each row is; None if no person has two.
    """

    x: Floats
    y: Floats
    levels: int
    is_count: bool = False
    groups: Rows | None = None

    def only(self, rows: Rows) -> "_Problem":
        """Returns the problem of some rows."""
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], groups=groups)


Predictor: TypeAlias = Callable[[_Problem, Floats], Floats]
"""(problem, features (m, F)) -> (m, levels) log-probabilities, or (m, 1) values.

The mean of a count is above zero, or its loss would not be finite.
"""


def reference_losses(
    stack: Stack, rows: tuple[Rows, Rows] | None = None, *, n_jobs: int = 1
) -> dict[str, ReferenceModel]:
    """Fits every reference model to every replicate and task, and scores it.

    Args:
        stack: the replicates; the features are those that a network would see.
        rows: (R, m) padded row numbers to score on, and their counts (R,), such as
            `(stack.score_rows, stack.score_counts)`; the held-out rows if not given.
        n_jobs: how many processes fit models.

    Returns:
        `base_rate` (the trivial predictor) and each of `REFERENCES`, by name.
    """
    rows = rows or stack.held_out
    predictions = {"base_rate": np.repeat(stack.trivial[:, None], rows[0].shape[1], axis=1)}
    jobs = [
        (model, problem, stack.features[r, rows[0][r]].astype(np.float64))
        for model in REFERENCES.values()
        for r in range(len(stack.pairs))
        for problem in _problems(stack, r)
    ]
    with threadpool_limits(1):  # on a few hundred rows, threads wait for each other
        columns = Parallel(n_jobs)(delayed(model)(*given) for model, *given in jobs)
    shape = len(REFERENCES), len(stack.pairs), len(stack.tasks)
    for place, name in enumerate(REFERENCES):
        start = place * shape[1] * shape[2]
        replicates = [columns[start + r * shape[2] :][: shape[2]] for r in range(shape[1])]
        predictions[name] = np.stack([np.concatenate(tasks, axis=1) for tasks in replicates])
    scored = DeviceStack(stack, "cpu").scored(*rows)
    return {name: _scored(scored, predicted) for name, predicted in predictions.items()}


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
    """Ridge, logistic or Poisson regression, its penalty chosen by inner cross-validation."""
    if problem.levels:
        models = [LogisticRegression(C=strength, max_iter=1000) for strength in _STRENGTHS]
    elif problem.is_count:
        models = [PoissonRegressor(alpha=alpha, max_iter=1000) for alpha in _SHRINKAGES]
    elif _whole(problem) is None:  # RidgeCV leaves one row out at a time, in closed form
        return _predicted(RidgeCV(_PENALTIES), problem, at)
    else:
        models = [Ridge(alpha=penalty) for penalty in _PENALTIES]

    def loss(model: Any) -> float:
        return _mean(_loss(model, *fold) for fold in _inner(problem))

    return _predicted(min(models, key=loss), problem, at)


def _boosting(problem: _Problem, at: Floats) -> Floats:
    """Gradient boosting of shallow trees, its rounds chosen by inner cross-validation."""
    return _predicted(_booster(problem, max_iter=_rounds(problem)), problem, at)


def _rounds(problem: _Problem) -> int:
    """Adds rounds until the inner loss rises, and returns how many led to the least."""
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
        l2_regularization=5.0,  # a level with few rows would get pure leaves of any size
        early_stopping=False,
        random_state=0,
        **more,
    )


def _inner(problem: _Problem) -> Iterator[tuple[_Problem, _Problem]]:
    """Yields the training and the validation part of each inner fold; groups stay whole."""
    groups = _whole(problem)
    kind = KFold if groups is None else GroupKFold
    splitter = kind(_FOLDS, shuffle=True, random_state=0)
    for train, rest in splitter.split(problem.x, groups=groups):
        yield problem.only(train), problem.only(rest)


def _whole(problem: _Problem) -> Rows | None:
    """Returns the groups that inner folds can keep whole; None if there are fewer than folds."""
    groups = problem.groups
    return None if groups is None or len(np.unique(groups)) < _FOLDS else groups


def _predicted(model: Any, problem: _Problem, at: Floats) -> Floats:
    """Returns what a model says, fitted to the problem.

    A level without a training row has the chance that the trivial predictor gives it, and where
    all counts are zero the mean is that of half a case.
    """
    if problem.is_count:
        return _predicted_count(model, problem, at)
    if not problem.levels:
        values: Floats = model.fit(problem.x, problem.y).predict(at)[:, None]
        return values
    floor = 0.5 / (len(problem.y) + 0.5 * problem.levels)
    chances = np.full((len(at), problem.levels), floor)
    seen = np.unique(problem.y)
    # One level alone cannot be fitted; there is nothing to tell apart.
    fitted = model.fit(problem.x, problem.y).predict_proba(at) if len(seen) > 1 else 1.0
    chances[:, seen] = fitted * (1 - floor * (problem.levels - len(seen)))
    logs: Floats = np.log(chances.clip(np.finfo(np.float64).tiny))
    return logs


def _predicted_count(model: Any, problem: _Problem, at: Floats) -> Floats:
    """Returns the means (m, 1) of a model that is fitted to counts as multiples of their mean."""
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
