"""Uncertainty weighting and GradNorm against independent references."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemomodel.balancers._base import Signals
from hemomodel.balancers._test_cases import REGRESSION
from hemomodel.balancers._test_cases import TASKS as T
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.balancers.testing import SignalStream, weigh_steps
from hemomodel.balancers.uncertainty import Uncertainty


@pytest.mark.parametrize("form", ["kendall", "seed"])
def test_uncertainty_steps_as_joint_adam_does(form):
    """One torch.optim.Adam over the log-variances, on the published total, by autograd."""
    log_variance = torch.zeros(3, T, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([log_variance], lr=0.05)
    balancer = Uncertainty(form=form, lr=0.05)
    state = balancer.init(SignalStream(0).at(0).losses)
    for step in range(60):
        losses = SignalStream(2).at(step).losses
        precision = (-log_variance).exp()
        if form == "kendall":
            total = torch.where(REGRESSION, 0.5, 1.0) * precision * losses + log_variance / 2
        else:
            total = precision * losses + log_variance
        gradient_by_loss = (
            torch.where(REGRESSION, 0.5, 1.0) * precision if form == "kendall" else precision
        )
        weights, state = balancer.weigh(SignalStream(2).at(step), state)
        torch.testing.assert_close(weights, gradient_by_loss.detach(), rtol=1e-10, atol=1e-10)
        adam.zero_grad()
        total.sum().backward()
        adam.step()
        torch.testing.assert_close(
            state.log_variance, log_variance.detach(), rtol=1e-10, atol=1e-10
        )


@pytest.mark.parametrize("form", ["kendall", "seed"])
def test_uncertainty_settles_where_the_weight_is_the_inverse_loss(form):
    losses = torch.tensor([[0.3, 2.0, 5.0, 0.01]], dtype=torch.float64)
    still = Signals(losses, lambda: torch.eye(T).expand(1, T, T), REGRESSION)
    balancer = Uncertainty(form=form, lr=0.02)
    state = balancer.init(losses)
    for _ in range(4000):
        weights, state = balancer.weigh(still, state)
    expected = 1 / (2 * losses) if form == "kendall" else 1 / losses
    torch.testing.assert_close(weights, expected, rtol=1e-3, atol=0)


def test_uncertainty_is_bounded_when_a_task_is_memorised():
    nothing = Signals(torch.zeros(1, T), lambda: torch.zeros(1, T, T), REGRESSION)
    balancer = Uncertainty(lr=0.1)
    state = balancer.init(nothing.losses)
    for _ in range(500):
        weights, state = balancer.weigh(nothing, state)
    assert weights.max() <= math.exp(12)


def double_backward_gradnorm(make, alpha, lr, reference, steps):
    """GradNorm as published: autograd through the gradient norms, one replicate."""
    w = torch.ones(T, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([w], lr=lr)
    weights = []
    for step in range(steps):
        shared, inputs, targets = make(step)
        shared = shared.clone().requires_grad_()
        losses = torch.stack([((inputs @ shared - target) ** 2).mean() for target in targets])
        norms = torch.stack(
            [
                torch.autograd.grad(w[i] * losses[i], shared, create_graph=True)[0].norm()
                for i in range(T)
            ]
        )
        rate = (losses / reference).detach()
        target = (norms.mean() * (rate / rate.mean()) ** alpha).detach()
        weights.append(w.detach().clone())
        adam.zero_grad()
        w.grad = torch.autograd.grad((norms - target).abs().sum(), w)[0]
        adam.step()
        with torch.no_grad():
            w.clamp_(min=1e-3)
            w.mul_(T / w.sum())
    return torch.stack(weights)


@pytest.mark.parametrize("alpha", [0.0, 0.16, 1.5, 3.0])
def test_gradnorm_is_that_of_the_double_backward(alpha):
    def make(step):
        generator = torch.Generator().manual_seed(step)

        def draw(*shape):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        return draw(5), draw(8, 5), draw(T, 8) * torch.tensor([[0.1], [1.0], [3.0], [10.0]])

    reference = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)
    expected = double_backward_gradnorm(make, alpha, 0.025, reference, steps=40)
    balancer = GradNorm(alpha=alpha, lr=0.025)
    state = balancer.init(reference.unsqueeze(0))
    for step in range(40):
        shared, inputs, targets = make(step)
        error = inputs @ shared - targets
        jacobian = (2 * error @ inputs / len(inputs)).unsqueeze(0)
        losses = error.square().mean(1).unsqueeze(0)
        k = jacobian @ jacobian.mT
        weights, state = balancer.weigh(Signals(losses, lambda k=k: k), state)
        torch.testing.assert_close(weights[0], expected[step], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("reference", ["trivial", "epoch", "batch"])
def test_gradnorm_takes_its_reference_where_it_is_told_to(reference):
    balancer = GradNorm(reference=reference)
    trivial = torch.full((3, T), 7.0, dtype=torch.float64)
    state = balancer.init(trivial)
    seen = [SignalStream(3).at(step) for step in range(4)]
    for s in seen[:2]:
        _, state = balancer.weigh(s, state)
    state = balancer.end_epoch(state)
    for s in seen[2:]:
        _, state = balancer.weigh(s, state)
    expected = {
        "trivial": trivial,
        "epoch": (seen[0].losses + seen[1].losses) / 2,
        "batch": seen[0].losses,
    }
    torch.testing.assert_close(state.reference, expected[reference])


@given(seed=st.integers(0, 1000))
def test_gradnorm_weights_are_positive_and_sum_to_the_number_of_tasks(seed):
    weights, _ = weigh_steps(GradNorm(lr=0.1), SignalStream(seed), steps=100)
    assert weights.min() > 0
    torch.testing.assert_close(weights.sum(2), torch.full((100, 3), float(T)).double())
