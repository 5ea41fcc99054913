"""The contract of every balancer."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hemomodel.balancers._base import BALANCERS, Signals
from hemomodel.balancers.equal import Equal
from hemomodel.balancers.fixed import Fixed
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.domains import LogUniform, OneOf, PerTask, Uniform, domains
from hemomodel.errors import InputError
from hemomodel.pytree import flatten, unflatten
from tests.support.signals import REGRESSION, T, run, signals


def corners(cls):
    """Yields the default and every corner of a balancer's space."""
    yield cls()
    for field, domain in domains(cls):
        match domain:
            case Uniform(low, high) | LogUniform(low, high):
                values = [low, high]
            case OneOf(choices):
                values = list(choices)
            case PerTask(each):
                values = [(each.low,) * T, (each.low, each.high) * (T // 2)]
            case _:
                raise AssertionError(domain)
        for value in values:
            yield cls(**{field.name: value})


CASES = [
    pytest.param(balancer, id=f"{name}-{number}")
    for name, cls in BALANCERS.items()
    for number, balancer in enumerate(corners(cls))
]


def part(whole, rows, tasks):
    """Returns the signals of some replicates and of some tasks, in the order given."""
    return Signals(
        whole.losses[rows][:, tasks],
        lambda: whole.gramian[rows][:, tasks][:, :, tasks],
        whole.regression[tasks],
        present=whole.present[rows][:, tasks],
        keys=torch.arange(len(whole.losses))[rows] if whole._keys is None else whole._keys[rows],
    )


def for_tasks(balancer, tasks):
    """Returns the balancer of some tasks: what was given one a task is cut to them."""
    lists = [field.name for field, domain in domains(type(balancer)) if isinstance(domain, PerTask)]
    cut = {
        name: tuple(getattr(balancer, name)[i] for i in tasks)
        for name in lists
        if getattr(balancer, name)
    }
    return replace(balancer, **cut)


def cut(tree, rows):
    return unflatten(tree, {name: leaf[rows] for name, leaf in flatten(tree)})


def of_task(state, task):
    """Returns what a memory holds of one task."""
    return {
        name: leaf[:, task].clone()
        for name, leaf in flatten(state)
        if leaf.ndim > 1 and leaf.shape[1] == T
    }


@pytest.mark.parametrize("balancer", CASES)
class TestContract:
    @given(seed=st.integers(0, 10_000))
    @settings(max_examples=5)
    def test_replicates_are_independent(self, balancer, seed):
        together, _ = run(balancer, lambda step: signals(seed, step=step))
        for r in range(3):

            def alone(step, r=r):
                return part(signals(seed, step=step), slice(r, r + 1), range(T))

            torch.testing.assert_close(together[:, r : r + 1], run(balancer, alone)[0])

    @given(seed=st.integers(0, 10_000))
    @settings(max_examples=5)
    def test_tasks_have_no_order(self, balancer, seed):
        order = torch.randperm(T, generator=torch.Generator().manual_seed(seed))

        def permuted(step):
            return part(signals(seed, step=step), slice(None), order)

        plain, _ = run(balancer, lambda step: signals(seed, step=step))
        moved, _ = run(for_tasks(balancer, order), permuted)
        torch.testing.assert_close(moved, plain[:, :, order])

    @given(seed=st.integers(0, 10_000), present=st.lists(st.booleans(), min_size=T, max_size=T))
    @settings(max_examples=6)
    def test_an_absent_task_is_as_if_it_were_not_there(self, balancer, seed, present):
        others = torch.tensor(present).nonzero().flatten()
        mask = torch.tensor(present).expand(3, T)

        def without(step):
            return signals(seed, step=step, present=mask)

        weights, _ = run(balancer, without)
        assert not weights[:, :, ~mask[0]].any()
        if len(others):
            alone, _ = run(
                for_tasks(balancer, others), lambda step: part(without(step), slice(None), others)
            )
            torch.testing.assert_close(weights[:, :, others], alone)

    def test_replicates_may_lack_different_tasks(self, balancer):
        mask = torch.tensor([[1, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]], dtype=torch.bool)
        weights, _ = run(balancer, lambda step: signals(2, step=step, present=mask))
        for r in range(2):
            others = mask[r].nonzero().flatten()

            def alone(step, r=r, others=others):
                return part(signals(2, step=step), slice(r, r + 1), others)

            expected, _ = run(for_tasks(balancer, others), alone)
            torch.testing.assert_close(weights[:, r : r + 1, others], expected)
        assert not weights[:, 2].any()

    def test_what_is_remembered_of_an_absent_task_stays(self, balancer):
        task = 1
        _, state = run(balancer, lambda step: signals(4, step=step))
        before = of_task(balancer.end_epoch(state), task)
        state = balancer.end_epoch(state)
        mask = (torch.arange(T) != task).expand(3, T)
        for step in range(4, 7):
            _, state = balancer.weigh(signals(4, step=step, present=mask), state)
            after = signals(5, step=step, present=mask).losses
            state = balancer.after_step(lambda after=after: after, state)
        torch.testing.assert_close(of_task(balancer.end_epoch(state), task), before, rtol=0, atol=0)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
    @pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-8, 1e8, "mixed"], ids=str)
    def test_finite_on_finite_input(self, balancer, scale, dtype):
        each = torch.tensor([0.0, 1e-30, 1.0, 1e8] if scale == "mixed" else [scale] * T).double()

        def scaled(step):
            s = signals(1, step=step)
            losses, k = s.losses * each, s.gramian * each * each[:, None]
            return Signals(losses.to(dtype), lambda: k.to(dtype), REGRESSION, keys=s._keys)

        weights, state = run(balancer, scaled, steps=20)
        assert torch.isfinite(weights).all()
        assert all(torch.isfinite(leaf).all() for _, leaf in flatten(state))

    def test_carries_no_gradient(self, balancer):
        s = signals(0)
        asked = Signals(s.losses.requires_grad_(), lambda: s.gramian, REGRESSION)
        with torch.no_grad():
            weights, state = balancer.weigh(asked, balancer.init(asked.losses))
        assert not weights.requires_grad
        assert not any(leaf.requires_grad for _, leaf in flatten(state))

    def test_memory_leads_with_replicates_and_survives_saving(self, balancer, tmp_path):
        _, state = run(balancer, lambda step: signals(0, step=step))
        assert all(len(leaf) == 3 for _, leaf in flatten(state))
        torch.save(dict(flatten(state)), tmp_path / "memory.pt")
        loaded = unflatten(state, torch.load(tmp_path / "memory.pt", weights_only=True))
        ours, theirs = (balancer.weigh(signals(5), memory)[0] for memory in (state, loaded))
        assert torch.equal(ours, theirs)
        sliced = cut(state, slice(1, 2))
        assert all(len(leaf) == 1 for _, leaf in flatten(sliced))

    def test_keeps_the_type_of_its_numbers(self, balancer):
        s = signals(0)
        single = Signals(s.losses.float(), s.gramian.float, REGRESSION)
        weights, state = balancer.weigh(single, balancer.init(single.losses))
        state = balancer.end_epoch(balancer.after_step(lambda: single.losses, state))
        assert weights.dtype == torch.float32
        kinds = {leaf.dtype for _, leaf in flatten(state)}
        assert kinds <= {torch.float32, torch.int64}  # counts are whole numbers


def test_the_gramian_is_only_computed_when_asked_for():
    calls = []

    def gramian():
        calls.append(1)
        return torch.eye(T).expand(2, T, T)

    asked = Signals(torch.ones(2, T), gramian)
    Equal().weigh(asked, Equal().init(asked.losses))
    assert not calls
    GradNorm().weigh(asked, GradNorm().init(asked.losses))
    assert asked.gramian is not None
    assert len(calls) == 1


def test_two_balancers_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two balancers are named 'equal'"):
        type("Other", (Equal.__mro__[1],), {}, name="equal")


def test_equal_weights_are_one():
    assert torch.equal(run(Equal(), lambda s: signals(0, step=s))[0], torch.ones(4, 3, T).double())


@given(st.lists(st.floats(-2, 2), min_size=T, max_size=T))
def test_fixed_weights_sum_to_the_number_of_tasks(logits):
    weights = run(Fixed(tuple(logits)), lambda step: signals(0, step=step))[0][0]
    expected = torch.tensor(logits, dtype=torch.float64).exp()
    torch.testing.assert_close(weights[0], T * expected / expected.sum())


def test_fixed_weights_of_another_number_are_refused():
    with pytest.raises(InputError, match=r"has 2 numbers for 4 tasks"):
        Fixed((0.0, 1.0)).init(torch.ones(1, T))
