"""Common behaviour of balancers, and the two with constant weights."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemomodel.balancers._base import Signals
from hemomodel.balancers._test_cases import TASKS as T
from hemomodel.balancers.equal import Equal
from hemomodel.balancers.fixed import Fixed
from hemomodel.balancers.gradnorm import GradNorm
from hemomodel.balancers.testing import SignalStream, weigh_steps
from hemomodel.errors import InputError


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
    assert torch.equal(weigh_steps(Equal(), SignalStream(0))[0], torch.ones(4, 3, T).double())


@given(st.lists(st.floats(-2, 2), min_size=T, max_size=T))
def test_fixed_weights_sum_to_the_number_of_tasks(logits):
    weights = weigh_steps(Fixed(tuple(logits)), SignalStream(0))[0][0]
    expected = torch.tensor(logits, dtype=torch.float64).exp()
    torch.testing.assert_close(weights[0], T * expected / expected.sum())


def test_fixed_weights_of_another_number_are_refused():
    with pytest.raises(InputError, match=r"has 2 numbers for 4 tasks"):
        Fixed((0.0, 1.0)).init(torch.ones(1, T))
