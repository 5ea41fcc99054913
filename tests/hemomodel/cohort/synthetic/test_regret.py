"""More patients reduce the regret, and no network beats the oracle."""

import numpy as np
import pytest
import torch

from hemomodel import FitConfig, Replicates, fit, synthetic_cohort
from hemomodel.training.metrics import row_losses

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def small():
    config = FitConfig(lr=3e-3, epochs=15, batch_size=16, dropout=0.2)
    return fit(config, synthetic_cohort(465), Replicates(folds=5, seeds=2))


@pytest.fixture(scope="module")
def large():
    config = FitConfig(lr=3e-3, epochs=12, batch_size=64, hidden=(64, 32))
    return fit(config, synthetic_cohort(20_000), Replicates(folds=5, seeds=1)[:2])


def test_more_patients_mean_less_regret_on_every_task(small, large):
    few, many = small.metrics["regret"], large.metrics["regret"]
    assert (many.mean(0) < 0.6 * few.mean(0)).all()


def test_no_network_beats_the_oracle(large):
    """No task has a loss significantly below the oracle's; the excess is near the regret."""
    training = large.training
    layout, reference = training.layout, training.scored.scoring_targets
    best = torch.where(layout.is_value, reference.optimum, reference.optimum.clamp_min(1e-30).log())
    ours = training.scored.row_losses(training.outputs())
    oracles = row_losses(layout, best, reference.labels)
    excess = (ours - oracles)[0].double().numpy()
    rows = int((reference.share[0, :, 0] > 0).sum())
    mean, error = excess[:rows].mean(0), excess[:rows].std(0) / rows**0.5
    assert (mean > -2.5 * error).all()
    expected = large.metrics["regret"][0].double().numpy()
    assert (np.abs(mean - expected) < 4 * error).all()
