"""Every metric against scikit-learn, replicate by replicate and task by task."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import entropy
from sklearn import metrics as sk

from hemomodel.network.heads import HeadLayout
from hemomodel.schema.schema import load_schema
from hemomodel.training.metrics import METRICS, ScoringData, scores
from tests.support.task_kinds import schema_of_all_kinds

TASKS = schema_of_all_kinds(load_schema()).tasks
ROWS = [30, 23]  # of each replicate; the rest is padding


@pytest.fixture
def case(double):
    """Returns layout, outputs and scoring data; the second replicate has padded rows."""
    generator = torch.Generator().manual_seed(0)
    layout = HeadLayout(TASKS)
    outputs = torch.randn(2, 30, layout.width, generator=generator)
    trivial = torch.randn(2, layout.width)
    optimum, labels = torch.empty_like(outputs), torch.empty_like(outputs)
    for start, task in zip(layout.starts, TASKS, strict=True):
        block = slice(start, start + task.size)
        if task.kind == "regression":
            labels[..., block] = 250 + 30 * torch.randn(2, 30, 1, generator=generator)
            outputs[..., block] = labels[..., block] + 10 * outputs[..., block]
            optimum[..., block] = labels[..., block] + 5
        elif task.kind == "count":
            optimum[..., block] = torch.rand(2, 30, 1, generator=generator) * 4
            labels[..., block] = torch.poisson(optimum[..., block], generator=generator)
            outputs[..., block] = outputs[..., block].exp()
            trivial[..., block] = trivial[..., block].exp()
        else:
            level = torch.randint(task.size, (2, 30), generator=generator)
            labels[..., block] = torch.nn.functional.one_hot(level, task.size).double()
            optimum[..., block] = torch.rand(2, 30, task.size, generator=generator).softmax(-1)
    padding = torch.arange(30) >= torch.tensor(ROWS)[:, None]
    share = (~padding / torch.tensor(ROWS)[:, None]).unsqueeze(2).double()
    share = share.expand(-1, -1, len(TASKS))
    outputs[1, ROWS[1] :] = 1e3  # values in padded rows must not count
    return layout, outputs, ScoringData(labels, share, trivial, optimum)


def each(layout):
    for r in range(2):
        for t, (start, task) in enumerate(zip(layout.starts, TASKS, strict=True)):
            yield r, t, task, slice(int(start), int(start) + task.size)


def test_metrics_are_those_of_scikit_learn(case):
    layout, outputs, scored = case
    found = scores(layout, outputs, scored)
    assert set(found) == set(METRICS)
    for r, t, task, block in each(layout):
        out = outputs[r, : ROWS[r], block].numpy()
        label = scored.labels[r, : ROWS[r], block].numpy()
        if not task.levels:
            expected = {
                "mae": sk.mean_absolute_error(label, out),
                "rmse": sk.root_mean_squared_error(label, out),
                "r2": sk.r2_score(label, out),
            }
        else:
            true, guess = label.argmax(1), out.argmax(1)
            expected = {
                "cross_entropy": sk.log_loss(true, softmax(out, axis=1), labels=range(task.size)),
                "accuracy": sk.accuracy_score(true, guess),
                "balanced_accuracy": sk.recall_score(
                    true, guess, labels=np.unique(true), average="macro", zero_division=0
                ),
            }
        if task.kind == "ordinal":
            medians = (softmax(out, axis=1).cumsum(1) < 0.5).sum(1)
            expected["ordinal_mae"] = sk.mean_absolute_error(label.argmax(1), medians)
        got = {name: found[name][r, t].item() for name in expected}
        assert got == pytest.approx(expected, rel=1e-9), (r, task.name)
        others = set(METRICS) - set(expected) - {"skill", "regret"}
        assert all(torch.isnan(found[name][r, t]) for name in others)


def test_skill_is_the_share_of_the_trivial_loss_removed(case):
    layout, outputs, scored = case
    found = scores(layout, outputs, scored)["skill"]
    for r, t, task, block in each(layout):
        label = scored.labels[r, : ROWS[r], block].numpy()
        out = outputs[r, : ROWS[r], block].numpy()
        trivial = scored.trivial[r, block].numpy()
        if task.kind == "regression":
            loss, base = ((label - out) ** 2).mean(), ((label - trivial) ** 2).mean()
        elif task.kind == "count":
            means = (out[:, 0], np.full(len(out), trivial[0]))
            loss, base = (sk.mean_poisson_deviance(label[:, 0], mean) for mean in means)
        else:
            loss = -(label * log_softmax(out, axis=1)).sum(1).mean()
            base = -(label * log_softmax(trivial)).sum(1).mean()
        assert found[r, t].item() == pytest.approx(1 - loss / base)


def test_regret_is_the_divergence_from_the_oracle(case):
    layout, outputs, scored = case
    found = scores(layout, outputs, scored)["regret"]
    for r, t, task, block in each(layout):
        best = scored.optimum[r, : ROWS[r], block].numpy()
        out = outputs[r, : ROWS[r], block].numpy()
        if task.kind == "regression":
            expected = ((best - out) ** 2).mean()
        elif task.kind == "count":
            expected = sk.mean_poisson_deviance(best[:, 0], out[:, 0]) / 2
        else:
            expected = entropy(best, softmax(out, axis=1), axis=1).mean()
        assert found[r, t].item() == pytest.approx(expected)


def test_the_oracle_itself_has_no_regret(case):
    layout, _, scored = case
    perfect = torch.where(layout.is_value, scored.optimum, scored.optimum.log())
    regret = scores(layout, perfect, scored)["regret"]
    torch.testing.assert_close(regret, torch.zeros_like(regret))


def test_a_value_whose_optimum_is_below_zero_has_a_regret(case):
    layout, outputs, scored = case
    shift = 400.0 * torch.tensor([float(t.kind == "regression") for t in TASKS])
    shift = shift[layout.task_of]
    below = replace(scored, labels=scored.labels - shift, optimum=scored.optimum - shift)
    found = scores(layout, outputs - shift, below)["regret"]
    torch.testing.assert_close(found, scores(layout, outputs, scored)["regret"])


def test_without_an_oracle_there_is_no_regret(case):
    layout, outputs, scored = case
    blind = ScoringData(scored.labels, scored.share, scored.trivial)
    assert "regret" not in scores(layout, outputs, blind)


def test_the_trivial_predictor_has_no_skill(case):
    layout, _, scored = case
    said = scored.trivial.unsqueeze(1).expand_as(scored.labels)
    skill = scores(layout, said, scored)["skill"]
    torch.testing.assert_close(skill, torch.zeros_like(skill))


def test_labels_that_are_all_the_same_have_no_variance_to_explain(case):
    layout, outputs, scored = case
    labels = torch.where(layout.is_value, torch.ones(()), scored.labels)
    found = scores(layout, outputs, ScoringData(labels, scored.share, scored.trivial))
    assert torch.isnan(found["r2"]).all()
    assert torch.isfinite(found["rmse"][:, layout.has_value]).all()
