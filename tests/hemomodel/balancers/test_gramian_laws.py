"""Laws that hold for every method on the Gramian."""

import pytest
import torch

from hemomodel.balancers._base import BALANCERS, Signals
from hemomodel.pytree import flatten

METHODS = [name for name, balancer in BALANCERS.items() if not balancer.weighs_heads]
EACH = pytest.mark.parametrize("name", METHODS)
T = 6
PRESENT = torch.tensor([True, False, True, True, False, True])


def draw(replicates, directions):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(replicates, T, directions, generator=generator, dtype=torch.float64)


def signals(jacobian, losses=None, **others):
    gramian = jacobian @ jacobian.mT
    if losses is None:
        losses = 1 + torch.arange(jacobian.shape[1]).expand(gramian.shape[:2]).to(gramian.dtype)
    return Signals(losses, lambda: gramian, **others)


def weigh(balancer, given):
    """Returns the weights of a first step, and the solver's figures."""
    weights, state = balancer.weigh(given, balancer.init(given.losses))
    return weights, balancer.health(state)


def test_the_methods_on_the_gramian_are_these():
    names = "mgda pcgrad cagrad imtl_g aligned_mtl fairgrad nash_mtl upgrad db_mtl config"
    assert set(METHODS) == set(names.split())


@EACH
def test_an_absent_task_is_as_if_it_did_not_exist(name):
    """Weights as without it, over two steps with the present tasks alike in both."""
    balancer = BALANCERS[name]()
    jacobian = draw(50, 9)
    losses = torch.rand(50, T, generator=torch.Generator().manual_seed(2)).double() + 0.1
    masked = jacobian * PRESENT[:, None]
    whole = signals(masked, losses * PRESENT, present=PRESENT.expand(50, T))
    part = signals(jacobian[:, PRESENT], losses[:, PRESENT])
    if name == "pcgrad":  # its order is a lottery: the part holds the same tickets
        drawn = whole.noise
        part.noise = lambda step: drawn(step)[:, PRESENT][:, :, PRESENT]
    states = balancer.init(losses), balancer.init(losses[:, PRESENT])
    for _ in range(2):
        w, state = balancer.weigh(whole, states[0])
        alone, other = balancer.weigh(part, states[1])
        torch.testing.assert_close(w[:, PRESENT], alone, rtol=1e-6, atol=1e-9)
        assert (w[:, ~PRESENT] == 0).all()
        states = state, other


@EACH
def test_what_is_remembered_of_an_absent_task_does_not_change(name):
    balancer = BALANCERS[name]()
    jacobian = draw(20, 9)
    given = signals(jacobian)
    _, before = balancer.weigh(given, balancer.init(given.losses))
    gone = signals(
        jacobian * PRESENT[:, None], given.losses * PRESENT, present=PRESENT.expand(20, T)
    )
    _, after = balancer.weigh(gone, before)
    leaves = dict(flatten(after))
    for leaf, value in flatten(before):
        if value.shape[1] == T:
            assert torch.equal(value[:, ~PRESENT], leaves[leaf][:, ~PRESENT])


@EACH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_with_all_tasks_absent_the_weights_are_zero(name, dtype):
    balancer = BALANCERS[name]()
    zero = torch.zeros(3, T, dtype=dtype)
    given = signals(torch.zeros(3, T, 5, dtype=dtype), zero, present=zero.bool())
    state = balancer.init(zero)
    for _ in range(2):
        w, state = balancer.weigh(given, state)
        assert torch.equal(w, zero)
        assert all(torch.isfinite(leaf).all() for _, leaf in flatten(state))


@EACH
def test_gradients_may_be_zero_opposite_or_the_same(name):
    unit = torch.eye(T, dtype=torch.float64)
    cases = torch.stack(
        [
            torch.zeros(T, T).double(),  # nothing to do
            unit[:1].expand(T, T),  # one gradient, T times
            torch.cat([unit[: T // 2], -unit[: T // 2]]),  # nothing can be done
            torch.cat([unit[:1], 0 * unit[1:]]),  # one task with a gradient
            unit * torch.logspace(-12, 12, T).double(),
        ]
    )
    for dtype in (torch.float32, torch.float64):
        w, health = weigh(BALANCERS[name](), signals(cases.to(dtype)))
        assert torch.isfinite(w).all()
        assert w.dtype == dtype
        assert not any(value.isnan().any() for value in health.values())


@EACH
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_direction_does_not_depend_on_the_unit_of_the_gradients(name, scale):
    """All gradients by one factor: weights in the same proportions, to 1e-6."""
    jacobian = draw(200, 40)
    one, other = (weigh(BALANCERS[name](), signals(jacobian * s))[0] for s in (1.0, scale))
    one, other = (w / torch.linalg.vector_norm(w, dim=1, keepdim=True) for w in (one, other))
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


@EACH
def test_single_precision_is_near_double(name):
    """1e-3 for gradients in general position: the rounding of the Gramian, by its condition."""
    jacobian = draw(200, 40)
    double, single = (weigh(BALANCERS[name](), signals(j))[0] for j in (jacobian, jacobian.float()))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-3)


@EACH
def test_a_pair_of_orthogonal_equal_gradients_is_weighed_alike(name):
    w, _ = weigh(
        BALANCERS[name](), signals(torch.eye(2).double().unsqueeze(0), torch.ones(1, 2).double())
    )
    torch.testing.assert_close(w[:, 0], w[:, 1])
    assert w.min() > 0
