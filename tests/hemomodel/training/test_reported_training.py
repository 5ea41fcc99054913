"""What a training reports, and what it refuses."""

from dataclasses import replace

import pytest
import torch

from hemomodel import FitConfig, InputError, Replicates, fit
from hemomodel.balancers._base import BALANCERS
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.balancers.uncertainty import Uncertainty
from hemomodel.dataset.preparation import prepare
from hemomodel.training.fit_config import FitConfig as Config
from hemomodel.training.loop import Training
from tests.support.task_kinds import of_all_kinds, with_gaps

SMALL = FitConfig(hidden=(8, 6, 4), epochs=3, batch_size=16)


@pytest.mark.parametrize("name", ["equal", "single_task"])
def test_skill_starts_at_zero_for_every_kind_of_task(double, cohort, replicates, name):
    stack = prepare(with_gaps(of_all_kinds(cohort)), replicates)
    for heads, most in (("base_rates", 0.05), ("random", 10.0)):
        config = replace(SMALL, hidden=(64, 32, 16), heads=heads, balancer=BALANCERS[name]())
        training = Training(config, stack)
        apart = training.scored.skill(training.outputs()).abs().max().item()
        assert apart < most
        assert (apart > 0.05) == (heads == "random")


def test_the_score_is_the_mean_skill(cohort, replicates):
    run = fit(SMALL, cohort, replicates)
    assert run.scores.shape == (6, 10)
    assert run.history.score[-1].item() == pytest.approx(run.scores.mean().item(), rel=1e-5)
    torch.testing.assert_close(run.history.skill[-1], run.scores, rtol=1e-4, atol=1e-5)


def test_a_constant_factor_on_the_total_loss_does_not_move_the_score(double, cohort, replicates):
    """Scores depend only on predictions; Adam ignores a constant factor on the total loss."""
    plain = fit(replace(SMALL, weight_decay_epochs=None, reduction="sum"), cohort, replicates)
    scaled = fit(replace(SMALL, weight_decay_epochs=None, reduction="mean"), cohort, replicates)
    torch.testing.assert_close(plain.scores, scaled.scores, rtol=1e-4, atol=1e-4)


def test_raw_and_standard_targets_report_in_millilitres_a_minute(cohort, replicates):
    for targets in ("standard", "raw"):
        run = fit(replace(SMALL, epochs=30, targets=targets, lr=0.01), cohort, replicates)
        rmse = run.metrics["rmse"][:, 4]
        assert (rmse > 10).all()
        assert (rmse < 400).all()


def test_a_trained_network_learns_patient_specific_flows(cohort, replicates):
    """The original's broadcast made every prediction the batch mean; its R² was at most zero."""
    run = fit(FitConfig(epochs=40, lr=3e-3), cohort, replicates)
    assert run.metrics["r2"][:, 4].mean() > 0.2
    flow = run.training.scored.natural(run.training.outputs())[
        0, :, int(run.training.layout.starts[4])
    ]
    assert flow.std() > 10


def test_history_holds_what_the_steps_saw(stack):
    config = FitConfig(epochs=2, batch_size=16, balancer=GradNorm(alpha=1.0))
    history = Training(config, stack).run_epochs(2)
    assert all(value.shape == (2, 6, 10) for value in history[:-1])
    assert history.cosines.shape == (2, 6, 10, 10)
    torch.testing.assert_close(history.cosines.diagonal(dim1=2, dim2=3), torch.ones(2, 6, 10))
    torch.testing.assert_close(history.training_rate.mean(2), torch.ones(2, 6))
    torch.testing.assert_close(history.weights.sum(2), torch.full((2, 6), 10.0))
    assert (history.gradient_norms > 0).all()
    assert (history.train_loss[1] < history.train_loss[0]).double().mean() > 0.9


def test_a_small_network_can_memorise(cohort):
    config = FitConfig(epochs=150, lr=1e-2, hidden=(64, 32), balancer=Uncertainty())
    history = fit(config, cohort, Replicates(folds=2, seeds=1)).history
    classes = [t for t in range(10) if t not in (4, 5)]
    assert (
        history.train_loss[-1][:, classes].mean() < 0.25 * history.train_loss[0][:, classes].mean()
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"lr": 0}, "greater than 0"),
        ({"hidden": (0,)}, "greater than or equal to 1"),
        ({"dropout": 1.0}, "less than 1"),
        ({"schedule": "step"}, "'constant' or 'cosine'"),
        ({"weight_decay_epochs": 0}, "greater than 0"),
        ({"balancer": "equal"}, "instance of Balancer"),
        ({"momentum": 1}, "Unexpected keyword argument"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Config(**wrong)


def test_an_unknown_feature_set_is_refused(cohort, replicates):
    with pytest.raises(InputError, match="no feature set 'all'"):
        fit(replace(SMALL, features="all"), cohort, replicates)
