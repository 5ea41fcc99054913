"""The loss-based balancers against torchjd's scalarizers, or autograd on their formula.

The gradient weights of a scalarizer are the derivatives of its total with respect to the losses.
"""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchjd import scalarization

from hemomodel.balancers._base import Signals
from hemomodel.balancers.dwa import DWA
from hemomodel.balancers.famo import FAMO
from hemomodel.balancers.geometric import Geometric
from hemomodel.balancers.imtl_l import IMTLL
from hemomodel.balancers.random import Random
from hemomodel.balancers.scale_invariant import ScaleInvariant
from hemomodel.balancers.stch import STCH
from hemomodel.balancers.uncertainty import Uncertainty
from hemomodel.balancers.uw_so import UWSO
from hemomodel.pytree import flatten

R, T, STEPS = 2, 5, 100
SEEDS = st.integers(0, 10_000)

# Only rounding differs from the oracles: nothing here is solved by iteration.
CLOSE = {"rtol": 1e-12, "atol": 1e-14}
# Adam divides by roots of moments; 100 steps amplify rounding.
LEARNED = {"rtol": 1e-9, "atol": 1e-11}


@pytest.fixture(autouse=True)
def _double(double):
    """The oracles make their parameters in the default dtype."""


def make(losses, present=None, keys=None):
    return Signals(losses, lambda: torch.zeros(len(losses), T, T), present=present, keys=keys)


def draw(seed, *shape):
    """Returns losses over four orders of magnitude."""
    generator = torch.Generator().manual_seed(seed)
    return 10 ** (torch.rand(*shape, generator=generator) * 4 - 3)


def path(seed):
    """Yields the losses (R, T) of a noisy training run, each task at its own pace."""
    pace = torch.linspace(0.2, 2, T) / 50
    start, noise = draw(seed, R, T), draw(seed + 1, STEPS, R, T) ** 0.05
    for step in range(STEPS):
        yield start * noise[step] * (-step * pace).exp()


def slopes(total, losses):
    """Returns the derivatives of a total of (T,) losses, one replicate at a time: (R, T)."""
    leaves = [row.clone().requires_grad_() for row in losses]
    return torch.stack([torch.autograd.grad(total(row), row)[0] for row in leaves])


@given(seed=SEEDS)
def test_geometric_is_the_slope_of_the_geometric_mean(seed):
    losses = draw(seed, R, T)
    weights, _ = Geometric().weigh(make(losses), Geometric().init(losses))
    torch.testing.assert_close(weights, slopes(scalarization.GeometricMean(), losses), **CLOSE)


def test_geometric_weighs_a_zero_loss_without_nan():
    losses = torch.tensor([[0.0, 1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    weights, _ = Geometric().weigh(make(losses), Geometric().init(losses))
    assert weights[0, 0] == weights[0].max()
    torch.testing.assert_close(weights[1], torch.full((T,), 1 / T))


@given(seed=SEEDS)
def test_scale_invariant_is_the_slope_of_the_sum_of_logarithms(seed):
    losses = draw(seed, R, T)
    weights, _ = ScaleInvariant().weigh(make(losses), ScaleInvariant().init(losses))
    torch.testing.assert_close(weights, slopes(lambda row: row.log().sum(), losses), **CLOSE)


@given(seed=SEEDS, temperature=st.floats(0.1, 100))
def test_uw_so_is_the_slope_of_its_total(seed, temperature):
    def total(row):
        return (torch.softmax((1 / row.detach()) / temperature, 0) * row).sum()

    losses = draw(seed, R, T)
    balancer = UWSO(temperature=temperature)
    weights, _ = balancer.weigh(make(losses), balancer.init(losses))
    torch.testing.assert_close(weights, slopes(total, losses), **CLOSE)
    torch.testing.assert_close(weights.sum(1), torch.ones(R))


@given(seed=SEEDS)
@pytest.mark.parametrize("mu", [0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("form", ["plain", "log"])
def test_stch_is_the_slope_of_the_soft_maximum(seed, mu, form):
    losses, nadir = draw(seed, R, T), draw(seed + 1, T)
    scalarizer = scalarization.STCH(mu)

    def total(row):
        return scalarizer(row if form == "plain" else (row / nadir).log())

    balancer = STCH(mu=mu, form=form)
    weights, _ = balancer.weigh(make(losses), balancer.init(nadir.expand(R, T)))
    # For small mu the exponent is in the hundreds, which magnifies rounding in the weight.
    torch.testing.assert_close(weights, slopes(total, losses), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("temperature", [0.1, 2.0, 10.0])
def test_dwa_follows_its_oracle_over_epochs(seed, temperature):
    balancer = DWA(temperature=temperature)
    oracles = [scalarization.DWA(temperature) for _ in range(R)]
    state = balancer.init(torch.ones(R, T))
    for step, losses in enumerate(path(seed)):
        weights, state = balancer.weigh(make(losses), state)
        expected = torch.cat([slopes(o, row[None]) for o, row in zip(oracles, losses, strict=True)])
        torch.testing.assert_close(weights, expected, **CLOSE)
        if step % 20 == 19:
            state = balancer.end_epoch(state)
            for oracle in oracles:
                oracle.step()
            latest = torch.stack([oracle._previous_averages[-1] for oracle in oracles])
            torch.testing.assert_close(state.latest, latest, **CLOSE)
    torch.testing.assert_close(weights.sum(1), torch.full((R,), float(T)))
    assert (weights - 1).abs().max() > 1e-3


def test_dwa_means_are_over_the_batches_that_had_the_task():
    balancer, present = DWA(), torch.ones(1, T, dtype=torch.bool)
    lacking = present.clone()
    lacking[0, 0] = False
    state = balancer.init(torch.ones(1, T))
    for mask, level in [(present, 1.0), (lacking, 9.0), (present, 3.0)]:
        _, state = balancer.weigh(make(torch.full((1, T), level) * mask, mask), state)
    state = balancer.end_epoch(state)
    torch.testing.assert_close(state.latest, torch.tensor([[2.0] + [13 / 3] * 4]))
    _, state = balancer.weigh(make(torch.ones(1, T) * lacking, lacking), state)
    state = balancer.end_epoch(state)  # an epoch without the task does not count
    _, state = balancer.weigh(make(torch.ones(1, T)), state)
    state = balancer.end_epoch(state)
    torch.testing.assert_close(state.rate, torch.tensor([[0.5] + [1.0] * 4]))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("balancer", "kind", "factor", "parameter", "learned"),
    [
        (IMTLL(lr=0.05), scalarization.IMTLL, 1.0, "log_scale", "log_scale"),
        (Uncertainty(form="kendall", lr=0.05), scalarization.UW, 1.0, "log_var", "log_variance"),
        (Uncertainty(form="seed", lr=0.05), scalarization.UW, 2.0, "log_var", "log_variance"),
    ],
    ids=["imtl_l", "kendall", "seed"],
)
def test_learned_scales_follow_their_oracle(seed, balancer, kind, factor, parameter, learned):
    """torch.optim.Adam updates the oracle's parameters on the oracle's own total."""
    oracles = [kind(T) for _ in range(R)]
    adam = torch.optim.Adam([p for oracle in oracles for p in oracle.parameters()], lr=0.05)
    regression = torch.ones(T, dtype=torch.bool)
    state = balancer.init(torch.ones(R, T))
    for losses in path(seed):
        signals = Signals(losses, lambda: torch.zeros(R, T, T), regression)
        weights, state = balancer.weigh(signals, state)
        adam.zero_grad()
        leaves = losses.clone().requires_grad_()
        (factor * sum(o(row) for o, row in zip(oracles, leaves, strict=True))).backward()
        adam.step()
        torch.testing.assert_close(weights, leaves.grad, **LEARNED)
        expected = torch.stack([getattr(oracle, parameter).detach() for oracle in oracles])
        torch.testing.assert_close(getattr(state, learned), expected, **LEARNED)
    assert expected.abs().max() > 0.5


def test_imtl_l_is_uncertainty_in_its_seed_form():
    ours, theirs = IMTLL(lr=0.03), Uncertainty(form="seed", lr=0.03)
    memory, others = ours.init(torch.ones(R, T)), theirs.init(torch.ones(R, T))
    for losses in path(0):
        weights, memory = ours.weigh(make(losses), memory)
        expected, others = theirs.weigh(make(losses), others)
        torch.testing.assert_close(weights, expected, **LEARNED)


def test_imtl_l_is_bounded_when_a_task_is_memorised():
    balancer, nothing = IMTLL(lr=0.1), torch.zeros(1, T)
    state = balancer.init(nothing)
    for _ in range(500):
        weights, state = balancer.weigh(make(nothing), state)
    assert weights.max() <= math.exp(12) * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("lr", "decay"), [(0.025, 1e-3), (0.1, 1e-2), (1e-3, 0.0)])
def test_famo_follows_its_oracle(seed, lr, decay):
    balancer = FAMO(lr=lr, decay=decay)
    oracles = [scalarization.FAMO(T, lr=lr, weight_decay=decay) for _ in range(R)]
    state = balancer.init(torch.ones(R, T))
    for losses, after in pairwise(path(seed)):
        weights, state = balancer.weigh(make(losses), state)
        expected = torch.cat([slopes(o, row[None]) for o, row in zip(oracles, losses, strict=True)])
        torch.testing.assert_close(weights, expected, **LEARNED)
        state = balancer.after_step(lambda after=after: after, state)
        for oracle, row in zip(oracles, after, strict=True):
            oracle.update(row)
        logits = torch.stack([oracle._w.detach() for oracle in oracles])
        torch.testing.assert_close(state.logits, logits, **LEARNED)
    torch.testing.assert_close(weights.sum(1), torch.ones(R))
    assert logits.abs().max() > lr


def test_famo_moves_once_a_step():
    balancer, losses = FAMO(), draw(0, R, T)
    _, state = balancer.weigh(make(losses), balancer.init(losses))
    once = balancer.after_step(lambda: losses / draw(1, R, T), state)
    twice = balancer.after_step(lambda: losses, once)
    assert not torch.equal(once.logits, state.logits)
    for (name, leaf), (_, again) in zip(flatten(once), flatten(twice), strict=True):
        assert torch.equal(leaf, again), name


def drawn(count, keys):
    """Returns the random weights of many steps, (count, R, T)."""
    balancer, losses = Random(), torch.arange(1.0, T + 1).expand(len(keys), T)
    state, steps = balancer.init(losses), []
    for _ in range(count):
        weights, state = balancer.weigh(make(losses, keys=keys), state)
        steps.append(weights)
    return torch.stack(steps)


def test_random_weights_have_the_law_of_a_softmax_of_normals():
    """Their centred logarithms are centred normals: mean 0, covariance I - 1/T."""
    weights = drawn(100, torch.arange(200)).flatten(0, 1)
    count = len(weights)
    torch.testing.assert_close(weights.sum(1), torch.ones(count))
    logs = weights.log()
    centred = logs - logs.mean(1, keepdim=True)
    # Five standard errors of a mean and of a covariance of unit normals.
    margin = 5 / math.sqrt(count)
    assert centred.mean(0).abs().max() < margin
    expected = torch.eye(T) - 1 / T
    assert (centred.T.cov() - expected).abs().max() < margin * math.sqrt(2)
    kurtosis = (centred**4).mean(0) / (centred**2).mean(0) ** 2
    assert (kurtosis - 3).abs().max() < margin * math.sqrt(24)


def test_random_weights_differ_from_step_to_step_and_between_replicates():
    weights = drawn(50, torch.tensor([1, 2, 1]))
    assert torch.equal(weights[:, 0], weights[:, 2])
    assert len(weights[:, :2].flatten().unique()) == 50 * 2 * T
    # no step repeats another's numbers in a different order, either
    assert len(weights[:, 0].sort(1).values[:, 0].unique()) == 50


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_random_weights_survive_a_draw_of_zero(dtype, monkeypatch):
    def zero(self, step):
        return torch.zeros(1, T, T, dtype=dtype)

    monkeypatch.setattr(Signals, "noise", zero)
    losses = torch.ones(1, T, dtype=dtype)
    weights, _ = Random().weigh(make(losses), Random().init(losses))
    torch.testing.assert_close(weights, torch.full((1, T), 1 / T, dtype=dtype))
