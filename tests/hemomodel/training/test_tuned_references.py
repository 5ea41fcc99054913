"""Each reference model is as good as a grid search over a model of its family."""

import numpy as np
import pytest
from scipy.special import xlogy
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from threadpoolctl import threadpool_limits

from hemomodel import Replicates, load_cohort
from hemomodel.dataset.preparation import prepare
from hemomodel.schema.schema import load_schema
from hemomodel.training.reference_models import fit_references, reference_losses
from tests.support.call_outs import lifts
from tests.support.paths import ROOT

DATA = ROOT.parent / "shared" / "data"
REAL = {"jura": "jura.arff", "pbcseq": "pbcseq.csv", "nhanes": "nhanes_adults.csv"}
MOST = 1000  # rows: the largest table would take as long as the others together
WORSE = 0.01  # of mean skill, at most

BOOSTING = {"max_depth": [2, 4], "max_iter": [25, 50, 100, 200], "min_samples_leaf": [20]}
FOREST = {"min_samples_leaf": [1, 3, 8, 20], "max_features": [0.5, 1.0]}
STRENGTHS, PENALTIES = np.logspace(-3, 1, 5), np.logspace(-1, 4, 6)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("made-up counts", marks=pytest.mark.slow),
        *(pytest.param(name, marks=pytest.mark.thorough) for name in REAL),
    ],
)
def stack(request, tmp_path_factory):
    if request.param == "made-up counts":
        return prepare(lifts(), Replicates(folds=5, seeds=1), with_test=True)
    path = DATA / REAL[request.param]
    if not path.is_file():
        pytest.skip(f"{path.name} is not on this machine")
    if request.param == "nhanes":
        begin = path.read_text(encoding="utf-8").splitlines()[: 1 + MOST]
        path = tmp_path_factory.mktemp("first_rows") / path.name
        path.write_text("\n".join(begin), encoding="utf-8")
    cohort = load_cohort(path, load_schema(request.param), labels="partial")
    return prepare(cohort, Replicates(folds=5, seeds=1)[:2], with_test=True)


def family(name, kind):
    """Returns an untuned model and a grid of its parameters."""
    values, count = kind in {"regression", "count"}, kind == "count"
    if name == "gradient_boosting":
        if not values:
            return HistGradientBoostingClassifier(early_stopping=False, random_state=1), BOOSTING
        loss = "poisson" if count else "squared_error"
        model = HistGradientBoostingRegressor(loss=loss, early_stopping=False, random_state=1)
        return model, BOOSTING
    if name == "forest":
        kind_of_trees = ExtraTreesRegressor if values else ExtraTreesClassifier
        return kind_of_trees(n_estimators=60, random_state=1), FOREST
    if count:
        return PoissonRegressor(max_iter=1000), {"alpha": PENALTIES / 100}
    if values:
        return Ridge(), {"alpha": PENALTIES}
    return LogisticRegression(max_iter=1000), {"C": STRENGTHS}


def tuned(name, task, x, y, groups, at):
    """Returns the chances or values of the best model of a grid."""
    model, grid = family(name, task.kind)
    splitter = KFold if groups is None else GroupKFold
    scoring = {"regression": "neg_mean_squared_error", "count": lowest_deviance}
    search = GridSearchCV(
        model,
        grid,
        scoring=scoring.get(task.kind, lambda model, x, y: -log_loss(chances(model, x, task), y)),
        cv=splitter(3, shuffle=True, random_state=1),
    )
    search.fit(x, y, groups=groups)
    if task.kind == "count":
        return np.maximum(search.predict(at), 1e-3)
    return search.predict(at) if task.kind == "regression" else chances(search, at, task)


def chances(model, x, task):
    """Returns probabilities of all levels, none of them zero."""
    full = np.zeros((len(x), task.size))
    full[:, model.classes_] = model.predict_proba(x)
    return (full + 1e-3) / (1 + 1e-3 * task.size)


def log_loss(probabilities, y):
    return -np.log(probabilities[np.arange(len(y)), y]).mean()


def deviance(mean, y):
    return (xlogy(y, y / mean) - y + mean).mean()


def lowest_deviance(model, x, y):
    return -deviance(np.maximum(model.predict(x), 1e-3), y)


def tuned_skill(name, stack, replicate, place):
    """Returns the skill of a tuned model for one task on the held-out rows."""
    task = stack.tasks[place]
    start = sum(other.size for other in stack.tasks[:place])
    columns = stack.labels[:, start : start + task.size]
    labels = columns.argmax(1) if task.levels else columns[:, 0]
    rows = stack.train_rows[replicate][: stack.train_counts[replicate]]
    rows = rows[stack.known[rows, place]]
    test = stack.test_rows[stack.known[stack.test_rows, place]]
    x = stack.features[replicate].astype(float)
    groups = None if stack.groups is None else stack.groups[rows]
    predicted = tuned(name, task, x[rows], labels[rows], groups, x[test])
    y, trivial = labels[test], stack.trivial[replicate, start : start + task.size]
    if task.levels:
        return 1 - log_loss(predicted, y) / -trivial[y].mean()
    loss = deviance if task.kind == "count" else lambda mean, y: np.square(mean - y).mean()
    return 1 - loss(predicted, y) / loss(trivial[0], y)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("regularised_linear", marks=pytest.mark.thorough),
        "gradient_boosting",
        pytest.param("forest", marks=pytest.mark.thorough),
    ],
)
def test_a_reference_model_is_as_good_as_a_tuned_one(name, stack):
    with threadpool_limits(1):
        best = np.array([
            [tuned_skill(name, stack, replicate, place) for place in range(len(stack.tasks))]
            for replicate in range(len(stack.pairs))
        ])  # fmt: skip
    skill = reference_losses(stack, fit_references(stack, [name]))[name].metrics["skill"].mean()
    assert skill > best.mean() - WORSE
