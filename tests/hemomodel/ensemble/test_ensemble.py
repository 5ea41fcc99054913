"""All networks on one shared matrix predict what each predicts on its own features."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hemomodel import FitConfig, synthetic_cohort
from hemomodel.balancers._base import BALANCERS
from hemomodel.dataset.preparation import prepare
from hemomodel.ensemble.build import _out_of_fold_weights, build_model
from hemomodel.ensemble.ensemble import Ensemble, average_predictions
from hemomodel.ensemble.networks import Networks
from hemomodel.ensemble.temperature_scaling import apply_temperatures
from hemomodel.network.heads import HeadLayout
from hemomodel.recommender.model import Model
from hemomodel.training.loop import Training
from tests.support.task_kinds import of_all_kinds


def with_gaps(cohort):
    """Returns the cohort with a fifth of its cells empty, and one column entirely empty."""
    table = cohort.table.copy()
    random = np.random.default_rng(1)
    for name in table.select_dtypes("float64").columns:
        table.loc[random.random(len(table)) < 0.2, name] = np.nan
    table["ctr"] = np.nan
    table.loc[random.random(len(table)) < 0.2, "hbsag"] = np.nan
    return replace(cohort, table=table)


def each_alone(training, stack):
    """Returns natural predictions (R, N, K), each replicate on its own features."""
    outputs = training.network.forward(torch.from_numpy(stack.features))[-1].double()
    offset, spread = (torch.from_numpy(part).unsqueeze(1) for part in (stack.offset, stack.spread))
    return training.layout.natural(outputs, offset, spread)


@pytest.mark.parametrize("balancer", ["equal", "single_task"])
@pytest.mark.parametrize("features", ["pretreatment", "seed"])
@pytest.mark.parametrize(
    ("hidden", "kinds"), [((16,), "built-in"), ((16, 8), "built-in"), ((16, 8, 8), "all")]
)
def test_the_folded_networks_are_the_networks(  # noqa: PLR0913, PLR0917 -- one case each
    double, cohort, replicates, balancer, features, hidden, kinds
):
    config = FitConfig(
        balancer=BALANCERS[balancer](), features=features, hidden=hidden, epochs=1,
        linear_path=len(hidden) > 1,
    )  # fmt: skip
    cohort = with_gaps(of_all_kinds(cohort) if kinds == "all" else cohort)
    stack = prepare(cohort, replicates, features=features, with_test=True)
    training = Training(config, stack)
    training.run_epochs(1)
    fitted = build_model(cohort, config, stack, training.network.parameters)
    alone = average_predictions(training.layout, each_alone(training, stack)).numpy()
    exact = Model(fitted, torch.float64).predict(cohort.table)
    np.testing.assert_allclose(exact, alone, rtol=1e-10, atol=1e-10)
    single = Model(fitted).predict(cohort.table)
    values = training.layout.is_value.numpy()
    np.testing.assert_allclose(single[:, values], alone[:, values], rtol=1e-6)
    levels = np.exp(single[:, ~values]), np.exp(alone[:, ~values])
    np.testing.assert_allclose(*levels, rtol=0, atol=1e-6)


def test_a_row_left_out_is_predicted_by_those_that_left_it_out(trained, cohort, fitted):
    training, stack = trained()
    share = _out_of_fold_weights(stack)
    test = stack.test_rows
    assert not share[:, test].any()
    development = np.setdiff1d(np.arange(len(cohort)), test)
    np.testing.assert_allclose(share[:, development].sum(0), 1)
    model = Model(fitted)
    said = model.ensemble.weighted(model.matrix(cohort.table), share)
    natural = each_alone(training, stack)
    for row in development[:20]:
        voices = [
            r
            for r, (rows, count) in enumerate(
                zip(stack.score_rows, stack.score_counts, strict=True)
            )
            if row in rows[:count]
        ]
        assert len(voices) == 2  # one fold of each of two seeds
        expected = average_predictions(training.layout, natural[voices][:, row : row + 1])
        np.testing.assert_allclose(said[row], expected[0], rtol=1e-4, atol=1e-5)


def test_levels_that_all_vanish_beside_another_tasks_are_not_lost(cohort):
    tasks = cohort.schema.tasks[:2]
    sizes = sum(task.size for task in tasks)
    weight, last = np.ones((1, 1, 1, 1)), np.zeros((1, 1, 1, sizes))
    last[..., 0] = 900.0  # the other task's logits are 0; exp(-900) underflows to 0
    networks = Networks(
        tasks,
        (np.ones((1, 1, 1)), np.zeros((1, 1))),
        {
            "layer0.weight": weight,
            "layer0.bias": np.zeros((1, 1, 1)),
            "layer1.weight": last,
            "layer1.bias": np.zeros((1, 1, sizes)),
        },
        (np.zeros((1, sizes)), np.ones((1, sizes))),
    )
    said = np.exp(Ensemble(tasks, networks)(np.ones((1, 1), dtype=np.float32)))[0]
    np.testing.assert_allclose(said[tasks[0].size :], 1 / tasks[1].size, rtol=1e-6)
    assert said[0] == pytest.approx(1)


def test_the_order_of_patients_means_nothing(fitted):
    model = Model(fitted)
    table = synthetic_cohort(700, seed=3).table
    order = np.random.default_rng(0).permutation(len(table))
    mixed = model.predict(table.iloc[order])
    np.testing.assert_allclose(mixed, model.predict(table)[order], rtol=1e-6, atol=1e-6)


def test_pool_is_the_mean_of_probabilities_and_of_values(cohort):
    layout = HeadLayout(cohort.schema.tasks, torch.float64)
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, layout.width, generator=random, dtype=torch.float64)
    natural = torch.where(layout.is_value, logits, layout.log_probabilities(logits))
    pooled = average_predictions(layout, natural)
    chances = natural.exp().mean(0)
    expected = torch.where(layout.is_value, natural.mean(0), chances.log())
    torch.testing.assert_close(pooled, expected)


def test_committees_are_tempered_each_and_then_pooled(trained, cohort, fitted):
    training, stack = trained()
    model, natural = Model(fitted), each_alone(training, stack)
    folds = np.array([fold for _, fold in stack.pairs])
    committees = [
        average_predictions(training.layout, natural[folds == fold]).numpy() for fold in range(3)
    ]
    tempered = [apply_temperatures(stack.tasks, one, fitted.temperatures) for one in committees]
    expected = average_predictions(training.layout, torch.from_numpy(np.stack(tempered))).numpy()
    is_value = training.layout.is_value.numpy()
    found = model.calibrated(cohort.table)
    np.testing.assert_allclose(found[:, is_value], expected[:, is_value], rtol=1e-6)
    levels = np.exp(found[:, ~is_value]), np.exp(expected[:, ~is_value])
    np.testing.assert_allclose(*levels, rtol=0, atol=2e-6)
