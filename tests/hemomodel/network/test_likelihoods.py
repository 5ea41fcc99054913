"""Losses of ordered levels and of counts, against other implementations."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_poisson_deviance

from hemomodel.network.likelihoods import (
    continuation_ratio,
    continuation_slopes,
    half_deviance,
    log_rate_losses,
    poisson_rate,
)

pytestmark = pytest.mark.usefixtures("double")

SIZES = torch.tensor([4, 2, 3])
ASKED = torch.arange(4) < SIZES[:, None] - 1
FILLED = torch.arange(4) < SIZES[:, None]

counts = st.integers(0, 1000).map(float)
log_rates = st.floats(-30, 19)


def logits(seed=0, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(5, 3, 4, generator=generator)


def test_a_level_is_reached_by_passing_all_before_it():
    z = logits()
    chance = continuation_ratio(z, ASKED).exp()
    for row, task in [(row, task) for row in range(5) for task in range(3)]:
        reached = 1.0
        for level in range(SIZES[task] - 1):
            passes = float(z[row, task, level].sigmoid())
            assert chance[row, task, level].item() == pytest.approx(reached * (1 - passes))
            reached *= passes
        assert chance[row, task, SIZES[task] - 1].item() == pytest.approx(reached)
    torch.testing.assert_close((chance * FILLED).sum(-1), torch.ones(5, 3))


def test_two_ordered_levels_are_a_logistic_regression():
    z = logits()[:, 1:2]
    log_p = continuation_ratio(z, ASKED[1:2])[:, 0, :2]
    padded = torch.cat([torch.zeros(5, 1), z[:, 0, :1]], 1)
    torch.testing.assert_close(log_p, padded.log_softmax(1))


def test_the_slopes_of_ordered_levels_are_those_of_autograd():
    z = logits().requires_grad_()
    targets = torch.rand(5, 3, 4) * FILLED
    targets = targets / targets.sum(-1, keepdim=True)
    (-targets * continuation_ratio(z, ASKED)).sum().backward()
    torch.testing.assert_close(continuation_slopes(z.detach(), targets, ASKED), z.grad)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_extreme_logits_and_rates_stay_finite(dtype):
    z = logits(scale=1e4).to(dtype)
    targets = torch.nn.functional.one_hot(SIZES - 1, 4).expand(5, 3, 4).to(dtype)
    rates = torch.tensor([-1e4, -100, 0, 100, 1e4], dtype=dtype)
    for y in (0.0, 3.0):
        loss, slope = log_rate_losses(rates, torch.full_like(rates, y))
        natural = half_deviance(poisson_rate(rates), torch.full_like(rates, y))
        assert all(torch.isfinite(part).all() for part in (loss, slope, slope.square(), natural))
    for part in (continuation_ratio(z, ASKED), continuation_slopes(z, targets, ASKED)):
        assert torch.isfinite(part).all()


@given(log_rate=log_rates, count=counts)
def test_half_the_deviance_is_scikit_learns(log_rate, count):
    z, y = torch.tensor([log_rate]).double(), torch.tensor([count]).double()
    expected = mean_poisson_deviance(y, z.exp()) / 2
    near = 1e-12 * (1 + count) * (1 + abs(log_rate))
    assert log_rate_losses(z, y)[0].item() == pytest.approx(expected, rel=1e-9, abs=10 * near)
    assert half_deviance(poisson_rate(z), y).item() == pytest.approx(
        expected, rel=1e-9, abs=10 * near
    )


def test_the_deviance_of_large_counts_is_no_rounding_in_single_precision():
    mean = torch.full((20_000,), 2e6, dtype=torch.float32)
    y = torch.poisson(mean, generator=torch.Generator().manual_seed(0))
    expected = mean_poisson_deviance(y.double(), mean.double()) / 2
    assert half_deviance(mean, y).mean().item() == pytest.approx(expected, rel=1e-5)
    assert half_deviance(mean, y).dtype == torch.float32


@given(log_rate=log_rates, count=counts, factor=st.floats(1e-3, 1e3))
def test_the_loss_of_a_count_is_of_its_unit_and_least_at_a_perfect_fit(log_rate, count, factor):
    z, y = torch.tensor([log_rate]).double(), torch.tensor([count]).double()
    loss = half_deviance(poisson_rate(z), y)
    scaled = half_deviance(factor * poisson_rate(z), factor * y)
    assert scaled.item() == pytest.approx(factor * loss.item(), rel=1e-6, abs=1e-8)
    assert loss.item() >= 0
    assert half_deviance(y, y).item() == pytest.approx(0, abs=1e-300)
    assert log_rate_losses(z, poisson_rate(z))[0].item() == pytest.approx(0, abs=1e-5)


def test_the_slope_of_a_rate_is_autograds_and_goes_on_beyond_what_can_be_held():
    z = torch.linspace(-40, 60, 100).requires_grad_()
    y = torch.arange(100) % 7 / 1.5
    loss, slope = log_rate_losses(z, y)
    loss.sum().backward()
    torch.testing.assert_close(slope.detach(), z.grad)
    assert (slope.detach()[z > 20] > 1e8).all()  # the rate can still decrease


def test_a_row_without_a_case_asks_for_a_lower_rate():
    z = torch.linspace(-5, 5, 11)
    nothing = torch.zeros_like(z)
    nll = torch.nn.functional.poisson_nll_loss(z, nothing, reduction="none")
    loss, slope = log_rate_losses(z, nothing)
    torch.testing.assert_close(loss, nll)
    assert (slope > 0).all()
