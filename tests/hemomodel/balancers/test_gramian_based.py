"""Each method on the Gramian against an independent implementation of its paper."""

import pytest
import torch
from torchjd.aggregation import (
    AlignedMTLWeighting,
    CAGradWeighting,
    FairGradWeighting,
    IMTLGWeighting,
    MGDAWeighting,
    UPGradWeighting,
)
from torchjd.aggregation import ConFIG as ReferenceConFIG
from torchjd.linalg import QuadprogProjector

from hemomodel.balancers.aligned_mtl import AlignedMTL
from hemomodel.balancers.cagrad import CAGrad
from hemomodel.balancers.config import ConFIG
from hemomodel.balancers.db_mtl import DBMTL
from hemomodel.balancers.fairgrad import FairGrad
from hemomodel.balancers.imtl_g import IMTLG
from hemomodel.balancers.mgda import MGDA
from hemomodel.balancers.nash_mtl import NashMTL
from hemomodel.balancers.pcgrad import PCGrad
from hemomodel.balancers.upgrad import UPGrad
from tests.support.signals import first_weights, signals_of

T = 6
COUNT = 300


def jacobians():
    """Returns (N, T, D) random gradients of several kinds."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    plain = draw(COUNT, T, 9)
    return {
        "many directions": draw(COUNT, T, 40),
        "few directions": plain,
        "in conflict": plain - draw(COUNT, T, 1) * draw(COUNT, 1, 9),
        "badly scaled": plain * draw(COUNT, T, 1).mul(2).exp(),
        "rank deficient": draw(COUNT, T, 3),
        "near zero": plain * 1e-12,
        "large": plain * 1e8,
    }


JACOBIANS = jacobians()
FULL_RANK = [name for name in JACOBIANS if name != "rank deficient"]


KINDS = pytest.mark.parametrize("kind", list(JACOBIANS))
FULL = pytest.mark.parametrize("kind", FULL_RANK)


def each(weighting, gramian):
    return torch.stack([weighting(matrix) for matrix in gramian])


def shortest(gramian):
    """Returns the length of the shortest convex combination, over the root of the trace."""
    w, _ = first_weights(MGDA(), signals_of(torch.linalg.cholesky(regular(gramian))))
    trace = gramian.diagonal(dim1=1, dim2=2).sum(1)
    return (torch.einsum("ni,nij,nj->n", w, gramian, w).clamp_min(0) / trace).sqrt()


def regular(gramian):
    trace = gramian.diagonal(dim1=1, dim2=2).sum(1)
    return gramian + 1e-13 * trace[:, None, None] * torch.eye(T, dtype=gramian.dtype)


@KINDS
def test_mgda_finds_the_shortest_combination(kind):
    """The squared length is at most 1e-9 of the trace above Frank-Wolfe's, or 2e-3 below it."""
    jacobian = JACOBIANS[kind]
    w, health = first_weights(MGDA(), signals_of(jacobian))
    assert w.min() >= 0
    torch.testing.assert_close(w.sum(1), torch.ones(COUNT).double())
    assert not health["unsolved"].any()
    gramian = jacobian[:12] @ jacobian[:12].mT
    unit = gramian / gramian.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
    theirs = each(MGDAWeighting(epsilon=1e-6, max_iters=500), unit)
    ours, reached = (torch.einsum("ni,nij,nj->n", v, unit, v) for v in (w[:12], theirs))
    assert (ours <= reached + 1e-9).all()
    assert (reached - ours).max() < 2e-3  # Frank-Wolfe's own error


@KINDS
@pytest.mark.parametrize("c", [0.0, 0.4, 1.0])
def test_cagrad_is_that_of_a_conic_solver(kind, c):
    """Directions are unique; they agree to the conic solver's tolerance, 1e-4 of the root trace."""
    jacobian = JACOBIANS[kind][:40]
    jacobian = jacobian / torch.linalg.vector_norm(jacobian, dim=(1, 2), keepdim=True)
    ours, health = first_weights(CAGrad(c=c), signals_of(jacobian))
    assert not health["unsolved"].any()
    theirs = each(CAGradWeighting(c=c), jacobian @ jacobian.mT)
    apart = torch.einsum("ni,nid->nd", ours - theirs, jacobian)
    assert torch.linalg.vector_norm(apart, dim=1).max() < 1e-4


@KINDS
@pytest.mark.parametrize("c", [0.1, 0.9])
def test_cagrad_leaves_no_duality_gap(kind, c):
    """The duality gap is at most 1e-6 of the trace."""
    _, health = first_weights(CAGrad(c=c), signals_of(JACOBIANS[kind]))
    assert (health["residual"] > 1e-6).sum() <= COUNT // 100


@KINDS
def test_upgrad_is_that_of_a_quadratic_solver(kind):
    """Tolerance 1e-8: both are exact; the ridge of 1e-4 magnifies rounding."""
    jacobian = JACOBIANS[kind][:60]
    ours, health = first_weights(UPGrad(), signals_of(JACOBIANS[kind]))
    assert not health["unsolved"].any()
    weighting = UPGradWeighting(projector=QuadprogProjector(norm_eps=0.0))
    theirs = each(weighting, jacobian @ jacobian.mT)
    torch.testing.assert_close(ours[:60], theirs, rtol=1e-8, atol=1e-8)


def bargained(kind, alpha):
    """Returns which Gramians clearly have a solution."""
    jacobian = JACOBIANS[kind]
    return shortest(jacobian @ jacobian.mT) > (1e-2 if alpha < 3 else 3e-2)


@KINDS
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 4.0])
def test_fairgrad_solves_its_equation(kind, alpha):
    """|K w - w^(-1/alpha)| relative to w^(-1/alpha) is below 1e-6 where a solution exists."""
    jacobian = JACOBIANS[kind]
    solvable = bargained(kind, alpha)
    w, health = first_weights(FairGrad(alpha=alpha), signals_of(jacobian))
    assert w.min() > 0
    reached = (jacobian @ jacobian.mT @ w.unsqueeze(2)).squeeze(2)
    off = (reached * w ** (1 / alpha) - 1).abs().amax(1)
    assert (off[solvable] > 1e-6).sum() <= COUNT // 50
    flagged = health["unsolved"].bool()
    assert torch.equal(flagged, health["residual"] > 1e-6)
    assert not (off[~flagged] > 1e-5).any()


def test_fairgrad_is_that_of_least_squares():
    """Tolerance 1e-4: the reference stops at a cost of 1e-8."""
    jacobian = JACOBIANS["many directions"][:60] / 6
    ours, _ = first_weights(FairGrad(alpha=2.0), signals_of(jacobian))
    theirs = each(FairGradWeighting(alpha=2.0), jacobian @ jacobian.mT)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@KINDS
def test_nash_mtl_is_fairgrad_of_one_and_as_long_as_the_root_of_the_tasks(kind):
    solvable = bargained(kind, 1.0)
    given = signals_of(JACOBIANS[kind])
    w, health = first_weights(NashMTL(), given)
    assert torch.equal(w, first_weights(FairGrad(alpha=1.0), given)[0])
    assert (health["unsolved"][solvable] > 0).sum() <= COUNT // 50
    solved = health["unsolved"] == 0
    squared = torch.einsum("ni,nij,nj->n", w, given.gramian, w)[solved]
    torch.testing.assert_close(squared, torch.full_like(squared, T), rtol=1e-6, atol=0)


@FULL
def test_imtl_g_is_impartial_and_that_of_the_reference(kind):
    """Tolerance 1e-6: the condition number of the pseudo-inverse is at most 1e8."""
    jacobian = JACOBIANS[kind]
    ours, _ = first_weights(IMTLG(), signals_of(jacobian))
    unit = jacobian / torch.linalg.vector_norm(jacobian, dim=(1, 2), keepdim=True)
    theirs = each(IMTLGWeighting(), unit @ unit.mT)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


@KINDS
@pytest.mark.parametrize("scale", ["min", "rmse"])
def test_aligned_mtl_is_that_of_the_reference(kind, scale):
    """Tolerance 1e-7, relative to the largest weight."""
    jacobian = JACOBIANS[kind]
    ours, _ = first_weights(AlignedMTL(scale=scale), signals_of(jacobian))
    theirs = each(AlignedMTLWeighting(scale_mode=scale), jacobian @ jacobian.mT)
    largest = theirs.abs().amax(1, keepdim=True)
    torch.testing.assert_close(ours / largest, theirs / largest, rtol=0, atol=1e-7)


@FULL
def test_config_direction_is_that_of_the_reference(kind):
    """Tolerance 1e-7: the reference inverts unit rows, our code their cosines."""
    jacobian = JACOBIANS[kind]
    w, _ = first_weights(ConFIG(), signals_of(jacobian))
    theirs = each(ReferenceConFIG(), jacobian)
    ours = torch.einsum("ni,nid->nd", w, jacobian)
    size = torch.linalg.vector_norm(theirs, dim=1, keepdim=True)
    torch.testing.assert_close(ours / size, theirs / size, rtol=1e-7, atol=1e-7)


def sequential_pcgrad(jacobian, order):
    """Algorithm 1 of Yu et al. on the vectors themselves, for one replicate."""
    total = torch.zeros_like(jacobian[0])
    for i, gradient in enumerate(jacobian):
        left = gradient.clone()
        for j in order[i]:
            product = left @ jacobian[j]
            if j != i and product < 0:
                left = left - product / (jacobian[j] @ jacobian[j]) * jacobian[j]
        total = total + left
    return total


@KINDS
def test_pcgrad_projects_one_after_the_other(kind):
    """Tolerance 1e-9 of the summed lengths: the same operations, on inner products."""
    jacobian = JACOBIANS[kind][:100]
    given = signals_of(jacobian, keys=torch.arange(100))
    balancer = PCGrad()
    state = balancer.init(given.losses)
    for _ in range(3):
        order = given.noise(state.steps).argsort(2)
        w, state = balancer.weigh(given, state)
        ours = torch.einsum("ni,nid->nd", w, jacobian)
        theirs = torch.stack(
            [sequential_pcgrad(*both) for both in zip(jacobian, order, strict=True)]
        )
        size = torch.linalg.vector_norm(jacobian, dim=2).sum(1)
        # Rounding may give a zero product either sign.
        apart = torch.linalg.vector_norm(ours - theirs, dim=1) / size
        assert (apart > 1e-9).sum() <= 2
    assert state.steps.unique().tolist() == [3]


@KINDS
def test_db_mtl_brings_log_gradients_to_the_longest(kind):
    jacobian = JACOBIANS[kind]
    losses = torch.rand(COUNT, T, generator=torch.Generator().manual_seed(1)).double() + 0.01
    w, _ = first_weights(DBMTL(), signals_of(jacobian, losses))
    lengths = torch.linalg.vector_norm(jacobian / losses.unsqueeze(2), dim=2)
    scaled = torch.linalg.vector_norm(jacobian * w.unsqueeze(2), dim=2)
    if kind == "near zero":  # the published floor of 1e-8 applies to the norms there
        floored = lengths.amax(1, keepdim=True) / lengths.clamp_min(1e-8) / losses
        torch.testing.assert_close(w, floored)
    else:
        torch.testing.assert_close(scaled, lengths.amax(1, keepdim=True).expand_as(scaled))


def test_db_mtl_averages_norms():
    beta, balancer = 0.8, DBMTL(beta=0.8)
    first, second = (signals_of(JACOBIANS["few directions"] * size) for size in (1.0, 3.0))
    state = balancer.init(first.losses)
    _, state = balancer.weigh(first, state)
    w, state = balancer.weigh(second, state)
    mean = beta * first.norms / first.losses + (1 - beta) * second.norms / second.losses
    torch.testing.assert_close(state.norms, mean)
    torch.testing.assert_close(w, mean.amax(1, keepdim=True) / mean / first.losses)
