"""Every balancer keeps the contract of `hemomodel.balancers.testing`, and each law can fail."""

import sys
from importlib import import_module
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from hemomodel.balancers import testing
from hemomodel.balancers._base import BALANCERS, Balancer, Stateless
from hemomodel.balancers.testing import LAWS, check_balancer, corners

SETTINGS = [
    pytest.param(balancer, id=f"{name}-{number}")
    for name, cls in BALANCERS.items()
    for number, balancer in enumerate(corners(cls))
]


@pytest.mark.parametrize("balancer", SETTINGS)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("assert_"))
def test_a_balancer_keeps_the_law(law, balancer):
    law(balancer)


def stateless(weigh):
    """Returns a balancer without memory; it is not registered."""

    class Faulty(Stateless):
        def weigh(self, signals, state):
            return weigh(signals), state

    return Faulty()


def remembering(init, update=lambda level, _signals: level):
    """Returns a balancer whose memory is one tensor; its weights are one."""

    class Memory(NamedTuple):
        level: Tensor

    class Faulty(Balancer):
        def init(self, losses):
            return Memory(init(losses))

        def weigh(self, signals, state):
            weights = signals.present.to(signals.losses.dtype)
            return weights, Memory(update(state.level, signals))

    return Faulty()


def without_memory_of_tensors():
    class Faulty(Stateless):
        def init(self, losses):
            return {"count": 0}

        def weigh(self, signals, state):
            return signals.present.to(signals.losses.dtype), state

    return Faulty()


def with_a_gradient(signals):
    with torch.enable_grad():
        return signals.losses * signals.present


def favour_the_first(signals):
    weights = signals.present.to(signals.losses)
    weights[:, 0] *= 2
    return weights


FAULTS = {
    "replicates_are_independent": [stateless(lambda s: s.losses / (s.losses.max() + 1))],
    "tasks_have_no_order": [stateless(favour_the_first)],
    "absent_task_has_no_effect": [
        stateless(lambda s: torch.ones_like(s.losses)),
        stateless(lambda s: s.losses.softmax(1) * s.present),
    ],
    "memory_of_absent_task_stays": [remembering(torch.clone, lambda level, _: level * 0.9)],
    "no_task_means_no_weight": [
        stateless(lambda s: s.losses / s.losses.sum(1, keepdim=True)),
        stateless(lambda s: s.losses.softmax(1)),
        remembering(torch.zeros_like, lambda level, s: level + 1 / s.count),
    ],
    "finite": [
        stateless(lambda s: s.present / s.losses.square()),
        remembering(torch.zeros_like, lambda _, s: s.losses.log()),
    ],
    "no_gradient": [
        stateless(with_a_gradient),
        remembering(lambda losses: losses),
    ],
    "memory_leads_with_r_and_survives_saving": [
        remembering(torch.mean),
        remembering(lambda losses: losses.mean(0)),
        without_memory_of_tensors(),
    ],
    "precision_stays": [
        stateless(lambda s: s.present.double()),
        remembering(torch.Tensor.double),
    ],
}
FAULTY = [
    pytest.param(getattr(testing, f"assert_{law}"), balancer, id=f"{law}-{number}")
    for law, balancers in FAULTS.items()
    for number, balancer in enumerate(balancers)
]


def test_every_law_has_a_fault():
    assert [f"assert_{law}" for law in FAULTS] == [law.__name__ for law in LAWS]


@pytest.mark.parametrize(("law", "balancer"), FAULTY)
def test_the_law_refuses_a_balancer_that_breaks_it(law, balancer):
    with pytest.raises(AssertionError):
        law(balancer)


def test_check_balancer_names_the_law_and_the_setting():
    with pytest.raises(AssertionError, match="the order of the tasks") as refusal:
        check_balancer(stateless(favour_the_first))
    assert any("assert_tasks_have_no_order" in note for note in refusal.value.__notes__)
    assert any("Faulty()" in note for note in refusal.value.__notes__)


def test_the_contract_asks_for_hypothesis_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, testing.__name__)
    with pytest.raises(ImportError, match=r"testing needs Hypothesis; .* `pip install hypothesis`"):
        import_module(testing.__name__)
