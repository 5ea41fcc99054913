"""An exported reference model predicts as scikit-learn does, alone and blended with networks."""

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hemomodel import FitConfig, Replicates, load, synthetic_cohort
from hemomodel.dataset.preparation import prepare
from hemomodel.ensemble.blend import blended, fit_blend
from hemomodel.ensemble.build import build_model, build_reference_model, reference_part
from hemomodel.ensemble.ensemble import average_predictions
from hemomodel.network.heads import HeadLayout
from hemomodel.recommender.folder import model_files
from hemomodel.recommender.model import Model
from hemomodel.recommender.onnx import to_onnx
from hemomodel.schema.output_slices import is_value_mask, task_slices
from hemomodel.training.loop import Training
from hemomodel.training.reference_models import fit_references, reference_predictions
from tests.support.small_references import small_references
from tests.support.task_kinds import of_all_kinds

FAMILIES = ["regularised_linear", "forest"]
DESIGN = Replicates(folds=2, seeds=2)


@pytest.fixture(scope="module")
def all_kinds(cohort):
    return of_all_kinds(cohort)


@pytest.fixture(scope="module")
def stack(all_kinds):
    return prepare(all_kinds, DESIGN, with_test=True)


@pytest.fixture(scope="module")
def references(stack):
    with small_references():
        return fit_references(stack[: DESIGN.folds], FAMILIES)


@pytest.fixture(scope="module", params=FAMILIES)
def part(request, references, stack):
    return reference_part(request.param, references[request.param], stack[: DESIGN.folds])


@pytest.fixture(scope="module")
def reference(all_kinds, stack, part):
    """A reference model alone."""
    return build_reference_model(all_kinds, "default", stack[: DESIGN.folds], part)


@pytest.fixture(scope="module")
def blend(all_kinds, stack, part):
    """Networks blended with a reference model."""
    config = FitConfig(epochs=10)
    training = Training(config, stack)
    training.run_epochs(10)
    parameters = training.network.parameters
    return build_model(all_kinds, config, stack, parameters, blend=part)


def family_of(part):
    return FAMILIES[part.linear is None]


def assert_same(said, expected, tasks, *, share=1.0):
    """Compares natural predictions: nearly all rows are equal to single precision."""
    is_value = is_value_mask(tasks)
    close = np.isclose(said[:, is_value], expected[:, is_value], rtol=1e-5)
    assert close.mean() >= share
    close = np.abs(np.exp(said[:, ~is_value]) - np.exp(expected[:, ~is_value])) < 2e-5
    assert close.mean() >= share


def test_it_predicts_as_scikit_learn(all_kinds, stack, references, part, reference):
    folds = stack[: DESIGN.folds]
    rows = np.tile(np.arange(len(all_kinds)), (DESIGN.folds, 1))
    each = reference_predictions(folds, references, rows)[family_of(part)]
    layout = HeadLayout(stack.tasks, torch.float64)
    expected = average_predictions(layout, torch.from_numpy(each)).numpy()
    said = Model(reference, torch.float64).predict(all_kinds.table)
    # A number that is rounded may fall on the other side of a threshold of a tree.
    assert_same(said, expected, stack.tasks, share=1.0 if part.linear else 0.995)


@pytest.mark.parametrize("name", ["alone", "blend"])
def test_a_folder_and_onnx_say_the_same(reference, blend, name, tmp_path):
    model = Model(reference if name == "alone" else blend)
    for file, content in model_files(model.fitted).items():
        (tmp_path / file).write_bytes(content)
    back, table = load(tmp_path), synthetic_cohort(300, seed=1).table
    expected = model.calibrated(table)
    assert np.array_equal(back.calibrated(table), expected)
    session = onnxruntime.InferenceSession(to_onnx(back), providers=["CPUExecutionProvider"])
    said = session.run(None, {"design": model.matrix(table)})
    for task, columns, found in zip(model.tasks, task_slices(model.tasks), said, strict=True):
        wanted = expected[:, columns] if task.is_value else np.exp(expected[:, columns])
        close = np.isclose(found, wanted, rtol=1e-4, atol=1e-5)
        assert close.mean() > 0.995, task.name


def test_a_model_without_networks_recommends(reference):
    model = Model(reference)
    table = synthetic_cohort(60, seed=2).table
    predicted = model.calibrated(table)
    assert np.isfinite(predicted).all()
    for task, columns in zip(model.tasks, task_slices(model.tasks), strict=True):
        if not task.is_value:
            np.testing.assert_allclose(np.exp(predicted[:, columns]).sum(1), 1, rtol=1e-5)
    assert {score.count for score in reference.scores} == {len(reference_rows(model))}


def reference_rows(model):
    return range(model.fitted.about["data"]["development"])


def test_a_blend_is_the_weighted_mean_of_the_replicates(all_kinds, blend, part):
    from hemomodel.ensemble.predictors import networks_of, reference_of

    table = all_kinds.table
    double = torch.float64
    design = torch.from_numpy(blend.design.matrix(table, np.float64))
    networks = networks_of(blend, double).predictions(design)
    reference = reference_of(blend, part, double).predictions(design)
    sizes = [task.size for task in blend.schema.tasks]
    weights = torch.from_numpy(np.repeat(blend.reference.weights, sizes))
    assert len(set(blend.reference.weights.tolist()) - {0.0}) > 0
    folds = [fold for _, fold in stack_pairs(blend)]
    mean = torch.stack([
        (1 - weights) * own + weights * reference[fold]
        for own, fold in zip(networks, folds, strict=True)
    ]).mean(0)  # fmt: skip
    said = Model(blend, double).predict(table)
    is_value = is_value_mask(blend.schema.tasks)
    np.testing.assert_allclose(said[:, is_value], mean[:, is_value], rtol=1e-5)
    np.testing.assert_allclose(np.exp(said[:, ~is_value]), mean[:, ~is_value], atol=1e-5)


def stack_pairs(fitted):
    return [(pair["seed"], pair["fold"]) for pair in fitted.about["replicates"]]


def random_predictions(tasks, seed, rows=40):
    """Returns natural predictions (2, rows, K) and labels (rows, K)."""
    random = np.random.default_rng(seed)
    parts, labels = [], []
    for task in tasks:
        if task.is_value:
            parts.append(random.gamma(3.0, size=(2, rows, 1)))
            labels.append(random.poisson(3.0, size=(rows, 1)).astype(float))
        else:
            chances = random.dirichlet(np.full(task.size, 0.5), size=(2, rows)).clip(1e-9)
            parts.append(np.log(chances / chances.sum(2, keepdims=True)))
            labels.append(np.eye(task.size)[random.integers(0, task.size, rows)])
    return np.concatenate(parts, 2), np.concatenate(labels, 1)


def losses(tasks, natural, labels):
    layout = HeadLayout(tasks, torch.float64)
    by_column = layout.natural_losses(torch.from_numpy(natural), torch.from_numpy(labels))
    return (by_column @ layout.member).mean(0).numpy()


@given(seed=st.integers(0, 2**31))
def test_a_blend_is_as_good_as_each_part_on_the_rows_of_its_weights(all_kinds, seed):
    tasks = all_kinds.schema.tasks
    (first, second), labels = random_predictions(tasks, seed)
    weights = fit_blend(tasks, first, second, labels, np.ones((len(labels), len(tasks)), bool))
    assert ((weights >= 0) & (weights <= 1)).all()
    both = losses(tasks, blended(tasks, first, second, weights), labels)
    least = np.minimum(losses(tasks, first, labels), losses(tasks, second, labels))
    assert (both <= least + 1e-9).all()
    # The order of the two parts changes nothing but the side of the weight.
    swapped = fit_blend(tasks, second, first, labels, np.ones((len(labels), len(tasks)), bool))
    np.testing.assert_allclose(
        losses(tasks, blended(tasks, second, first, swapped), labels), both, atol=1e-6
    )


@given(known=arrays(bool, (40, 10)))
def test_rows_without_a_label_have_no_weight_in_a_blend(all_kinds, known):
    tasks = all_kinds.schema.tasks
    (first, second), labels = random_predictions(tasks, 0)
    weights = fit_blend(tasks, first, second, labels, known)
    spoiled = np.where(np.repeat(known, [t.size for t in tasks], axis=1), labels, 0.0)
    assert np.array_equal(weights, fit_blend(tasks, first, second, spoiled, known))
    assert not weights[~known.any(0)].any()
