"""The central property: training a stack equals training each replicate alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hemomodel import FitConfig, Replicates, fit
from hemomodel.balancers._base import BALANCERS
from hemomodel.balancers.equal import Equal
from hemomodel.dataset.preparation import prepare
from hemomodel.network.heads import HeadLayout
from hemomodel.training.loop import Training
from hemomodel.training.reliability import reliability
from tests.support.task_kinds import of_all_kinds, ordinary_loss, with_gaps

SMALL = FitConfig(hidden=(8, 6, 4), epochs=3, batch_size=16)


HARD = {
    "batch_size": 4,
    "dropout": 0.3,
    "weight_decay_epochs": 2.0,
    "input_noise": 0.2,
    "linear_path": True,
    "schedule": "cosine",
}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("equal", {}, id="plain"),
        *(pytest.param(name, HARD, id=f"every option-{name}") for name in BALANCERS),
    ],
)
def test_a_stack_trains_as_each_replicate_alone(double, cohort, replicates, name, change):
    config = replace(SMALL, balancer=BALANCERS[name](), epochs=2, **change)
    cohort = of_all_kinds(cohort) if change else cohort
    # Matrix products of one and of several replicates round differently. A method that solves for
    # its weights magnifies that at each step by the condition number of the Gramian, which is
    # large for a batch of four rows; the contract tests check those methods step by step.
    near = 1e-10
    if not config.balancer.weighs_heads:
        config, near = replace(config, batch_size=64), 1e-3
    together = fit(config, cohort, replicates)
    for r in (0, len(replicates) - 1) if name == "equal" else (len(replicates) - 1,):
        alone = fit(config, cohort, replicates[r : r + 1])
        torch.testing.assert_close(alone.scores[0], together.scores[r], rtol=near, atol=near)
        for ours, theirs in zip(alone.history, together.history, strict=True):
            torch.testing.assert_close(ours[:, 0], theirs[:, r], rtol=near, atol=near)


@given(order=st.permutations(range(6)))
@settings(max_examples=5)
def test_replicates_do_not_know_their_place(cohort, order):
    design = Replicates(folds=3, seeds=2)
    torch.set_default_dtype(torch.float64)
    try:
        straight = fit(SMALL, cohort, design).scores
        picked = [fit(SMALL, cohort, design[i : i + 2]).scores for i in order[:2]]
    finally:
        torch.set_default_dtype(torch.float32)
    for i, scores in zip(order, picked, strict=False):
        torch.testing.assert_close(scores, straight[i : i + 2], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "change"), [("equal", {}), *((name, {**HARD, "batch_size": 16}) for name in BALANCERS)]
)
def test_resuming_gives_the_same_bits(cohort, replicates, tmp_path, name, change):
    config = replace(SMALL, balancer=BALANCERS[name](), **change)
    stack = prepare(cohort, replicates)
    whole = Training(config, stack)
    before, after = whole.run_epochs(1), whole.run_epochs(1)
    first = Training(config, stack)
    first.run_epochs(1)
    torch.save(first.state(), tmp_path / "state.pt")
    second = Training(config, stack)
    second.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert second.epoch == 1
    for ours, theirs in zip(second.run_epochs(1), after, strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(second.network.parameters, whole.network.parameters)
    assert not torch.equal(before.loss, after.loss)


def reference_training(config, stack, r):
    """Trains one replicate with torch.nn layers, autograd and torch.optim, on the same batches.

    A task's loss covers the rows that have its label.
    """
    sizes = [task.size for task in stack.tasks]
    ours = Training(config, stack)
    layers = []
    for index, weight in enumerate(ours.network.weights):
        layer = torch.nn.Linear(*weight.shape[1:])
        layer.weight.data = weight[r].T.clone()
        layer.bias.data = ours.network.biases[index][r, 0].clone()
        layers.append(layer)
        if index < len(ours.network.weights) - 2:
            layers.append(torch.nn.ReLU())
    model = torch.nn.Sequential(*layers)
    direct = torch.nn.Linear(stack.features.shape[2], sum(sizes), bias=False)
    direct.weight.data.zero_()
    decay = 1 / (config.lr * ours.steps_per_epoch * config.weight_decay_epochs)
    biases = [layer.bias for layer in layers if isinstance(layer, torch.nn.Linear)]
    weights = [layer.weight for layer in layers if isinstance(layer, torch.nn.Linear)]
    groups = [
        {"params": [*weights, direct.weight], "weight_decay": decay},
        {"params": biases, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs)
    for _ in range(config.epochs):
        for x, y, known in ours._batches():
            every = torch.ones(len(x[r]), len(sizes)) if known is None else known[r]
            outputs = model(x[r]) + (direct(x[r]) if config.linear_path else 0)
            parts = zip(outputs.split(sizes, 1), y[r].split(sizes, 1), strict=True)
            losses = [
                ordinary_loss(task.kind, out[rows], target[rows])
                for task, (out, target), rows in zip(stack.tasks, parts, every.T > 0, strict=True)
            ]
            total = torch.stack(losses).mean()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
        ours.epoch += 1
        if config.schedule == "cosine":
            schedule.step()
    path = [direct.weight] if config.linear_path else []
    return torch.cat([*(part.T.flatten() for part in [*weights, *path]), *biases])


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step:UserWarning")
@pytest.mark.parametrize("labels", ["complete", "of all kinds and partial"])
@pytest.mark.parametrize("more", [{}, {"linear_path": True, "schedule": "cosine"}], ids=str)
def test_training_is_that_of_ordinary_torch_code(stack, cohort, replicates, labels, more):
    if labels != "complete":
        stack = prepare(with_gaps(of_all_kinds(cohort)), replicates)
    config = replace(SMALL, balancer=Equal(), batch_size=32, weight_decay_epochs=3.0, **more)
    ours = Training(config, stack)
    ours.run_epochs(config.epochs)
    for r in (0, 4):
        path = [ours.network.direct] if config.linear_path else []
        parts = (*ours.network.weights, *path, *ours.network.biases)
        mine = [part[r].flatten() for part in parts]
        torch.testing.assert_close(
            torch.cat(mine), reference_training(config, stack, r).detach(), rtol=1e-8, atol=1e-10
        )


def test_an_epoch_takes_each_training_row_at_most_once(stack):
    training = Training(replace(SMALL, batch_size=7), stack)
    features = torch.from_numpy(np.array(stack.features))
    seen = torch.cat([x for x, *_ in training._batches()], 1)
    assert seen.shape[1] == stack.rows_per_epoch
    for r in range(len(stack.pairs)):
        rows = stack.train_rows[r, : stack.train_counts[r]]
        own = {tuple(row) for row in features[r, rows].tolist()}
        drawn = [tuple(row) for row in seen[r].tolist()]
        assert set(drawn) <= own
        assert len(set(drawn)) == stack.rows_per_epoch


def test_the_order_of_every_replicate_differs_between_epochs(stack):
    training = Training(SMALL, stack)
    first = torch.cat([y for _, y, _ in training._batches()], 1)
    training.epoch = 1
    second = torch.cat([y for _, y, _ in training._batches()], 1)
    assert (first != second).flatten(1).any(1).all()


def test_gathering_in_blocks_changes_nothing(stack, monkeypatch):
    whole = Training(SMALL, stack).run_epochs(2)
    monkeypatch.setattr("hemomodel.training.loop._BLOCK", 1)
    for ours, theirs in zip(Training(SMALL, stack).run_epochs(2), whole, strict=True):
        assert torch.equal(ours, theirs)


def test_dropout_silences_its_share_and_keeps_the_mean(stack):
    training = Training(replace(SMALL, dropout=0.3, batch_size=500), stack)
    training._dropout_keys = training._keys
    masks = training._dropout(500, step=0)
    assert [mask.shape[2] for mask in masks] == [8, 6]
    whole = torch.cat([mask.flatten() for mask in masks])
    assert set(whole.unique().tolist()) == {0.0, 1 / 0.7}
    assert (whole == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert not torch.equal(masks[0], training._dropout(500, step=1)[0])


def test_noise_has_its_spread_and_differs_between_rows_epochs_and_replicates(stack):
    noisy = Training(replace(SMALL, input_noise=0.3, batch_size=500), stack)
    plain = Training(replace(SMALL, batch_size=500), stack)
    drawn = []
    for epoch in (0, 1):
        noisy.epoch = plain.epoch = epoch
        (one,), (other,) = noisy._batches(), plain._batches()
        drawn.append(one.features - other.features)
    noise = torch.stack(drawn)
    assert noise.mean().item() == pytest.approx(0, abs=0.01)
    assert noise.std().item() == pytest.approx(0.3, rel=0.01)
    assert noise.round(decimals=12).unique().numel() == noise.numel()


@pytest.mark.parametrize("name", BALANCERS)
def test_an_unlabelled_row_trains_as_if_it_were_not_there(double, cohort, name):
    """Tasks of each kind lack labels in some rows; the values there change no result."""
    config = replace(SMALL, balancer=BALANCERS[name](), batch_size=4)
    stack = prepare(with_gaps(of_all_kinds(cohort)), Replicates(folds=3, seeds=1))
    disturbed = stack.labels.copy()
    columns = HeadLayout(stack.tasks).task_of.numpy()
    disturbed[~stack.known[:, columns]] += 7
    plain, other = Training(config, stack), Training(config, replace(stack, labels=disturbed))
    for ours, theirs in zip(plain.run_epochs(2), other.run_epochs(2), strict=True):
        assert torch.isfinite(ours).all()
        assert torch.equal(ours, theirs)
    assert torch.equal(plain.network.parameters, other.network.parameters)
    for ours, theirs in zip(figures(plain), figures(other), strict=True):
        assert torch.equal(ours.nan_to_num(), theirs.nan_to_num())


def figures(training):
    """Returns all metrics, losses and bins of a training's scored rows."""
    outputs, scored = training.outputs(), training.scored
    rows = [scored.row_losses(outputs), scored.trivial_row_losses(), scored.row_regret(outputs)]
    bins = reliability(training.layout, scored.natural(outputs), scored.scoring_targets)
    return [*scored.metrics(outputs).values(), *rows, torch.from_numpy(bins)]


def test_gradient_methods_leave_the_heads_to_their_own_losses(double, cohort, replicates):
    """Doubled weights double the trunk's gradients and leave the heads' gradients unchanged."""

    class Doubled(Equal):
        weighs_heads = False

        def weigh(self, signals, state):
            return 2 * torch.ones_like(signals.losses), state

    stack = prepare(cohort, replicates)
    config = replace(SMALL, batch_size=500, balancer=Equal())
    plain, doubled = Training(config, stack), Training(replace(config, balancer=Doubled()), stack)
    for training in (plain, doubled):
        training.run_epochs(1)
    torch.testing.assert_close(
        doubled.network.weight_gradients[-1], plain.network.weight_gradients[-1]
    )
    torch.testing.assert_close(
        doubled.network.weight_gradients[0], 2 * plain.network.weight_gradients[0]
    )


def test_a_method_may_ask_for_the_losses_after_its_step(cohort, replicates):
    seen = []

    class Looking(Equal):
        def weigh(self, signals, state):
            seen.append([signals.losses])
            return super().weigh(signals, state)

        def after_step(self, losses, state):
            seen[-1].append(losses())
            return state

    config = replace(SMALL, batch_size=500, balancer=Looking())
    Training(config, prepare(cohort, replicates)).run_epochs(8)
    before, after = (torch.stack(part) for part in zip(*seen, strict=True))
    # The batch holds all training rows, so losses after one step are those before the next.
    torch.testing.assert_close(after[:-1], before[1:], rtol=1e-4, atol=1e-5)
    assert (after.mean(2)[-1] < before.mean(2)[0]).all()
