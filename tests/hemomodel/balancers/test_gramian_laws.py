"""Properties of every method on the Gramian, in addition to the contract of every balancer."""

import pytest
import torch

from hemomodel.balancers._base import BALANCERS
from tests.support.signals import first_weights, signals_of

METHODS = [name for name, balancer in BALANCERS.items() if not balancer.weighs_heads]
EACH = pytest.mark.parametrize("name", METHODS)
T = 6


def draw(replicates, directions):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(replicates, T, directions, generator=generator, dtype=torch.float64)


def test_the_methods_on_the_gramian_are_these():
    names = "mgda pcgrad cagrad imtl_g aligned_mtl fairgrad nash_mtl upgrad db_mtl config"
    assert set(METHODS) == set(names.split())


@EACH
def test_gradients_may_be_zero_opposite_or_the_same(name):
    unit = torch.eye(T, dtype=torch.float64)
    cases = torch.stack(
        [
            torch.zeros(T, T).double(),  # no gradient
            unit[:1].expand(T, T),  # one gradient, T times
            torch.cat([unit[: T // 2], -unit[: T // 2]]),  # no common descent direction
            torch.cat([unit[:1], 0 * unit[1:]]),  # one task with a gradient
            unit * torch.logspace(-12, 12, T).double(),
        ]
    )
    for dtype in (torch.float32, torch.float64):
        w, health = first_weights(BALANCERS[name](), signals_of(cases.to(dtype)))
        assert torch.isfinite(w).all()
        assert w.dtype == dtype
        assert not any(value.isnan().any() for value in health.values())


@EACH
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_direction_does_not_depend_on_the_unit_of_the_gradients(name, scale):
    """One factor on all gradients leaves the weights' proportions unchanged, to 1e-6."""
    jacobian = draw(200, 40)
    balancer = BALANCERS[name]()
    plain, scaled = (first_weights(balancer, signals_of(jacobian * s))[0] for s in (1.0, scale))
    plain, scaled = (w / torch.linalg.vector_norm(w, dim=1, keepdim=True) for w in (plain, scaled))
    torch.testing.assert_close(scaled, plain, rtol=1e-6, atol=1e-6)


@EACH
def test_single_precision_is_near_double(name):
    """Tolerance 1e-3 for random gradients: the condition number magnifies rounding."""
    jacobian = draw(200, 40)
    balancer = BALANCERS[name]()
    double, single = (
        first_weights(balancer, signals_of(j))[0] for j in (jacobian, jacobian.float())
    )
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-3)


@EACH
def test_a_pair_of_orthogonal_equal_gradients_is_weighed_alike(name):
    w, _ = first_weights(
        BALANCERS[name](), signals_of(torch.eye(2).double().unsqueeze(0), torch.ones(1, 2).double())
    )
    torch.testing.assert_close(w[:, 0], w[:, 1])
    assert w.min() > 0
