"""The contract of every balancer, as laws to test your own balancer with.

In a test file of any repository, for pytest:

```python
from hemomodel.balancers.testing import check_balancer
from my_package import MyBalancer


def test_my_balancer_keeps_the_contract():
    check_balancer(MyBalancer)
```

This is one test. For a test per law and setting, parametrize over `LAWS` and `corners(MyBalancer)`.
A law raises AssertionError if the balancer breaks it; otherwise it returns nothing. `SignalStream`
generates its numbers. A law tries a fifth of the examples of the active Hypothesis profile, because
each example is a training run. Only this module needs Hypothesis. The package itself never imports
it.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hemomodel.balancers._test_cases import (
    REPLICATES,
    TASKS,
    AnyBalancer,
    SignalStream,
    corners,
    memory_leaves,
    weigh_steps,
)
from hemomodel.pytree import unflatten
from hemomodel.typing import Weights

try:
    from hypothesis import example, given, settings
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        "hemomodel.balancers.testing needs Hypothesis; install it with `pip install hypothesis`"
    ) from error

__all__ = [
    "LAWS",
    "SignalStream",
    "assert_absent_task_has_no_effect",
    "assert_finite",
    "assert_memory_leads_with_r_and_survives_saving",
    "assert_memory_of_absent_task_stays",
    "assert_no_gradient",
    "assert_no_task_means_no_weight",
    "assert_precision_stays",
    "assert_replicates_are_independent",
    "assert_tasks_have_no_order",
    "check_balancer",
    "corners",
    "weigh_steps",
]

_SEEDS = st.integers(0, 10_000)
_REPLICATE = st.integers(0, REPLICATES - 1)
_FLAGS = st.lists(st.booleans(), min_size=REPLICATES * TASKS, max_size=REPLICATES * TASKS)
_UNLIKE = [1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0]  # each replicate lacks different tasks
_SCALES = [(0.0,), (1e-30,), (1e-8,), (1e8,), (0.0, 1e-30, 1.0, 1e8)]
_TYPES = [torch.float64, torch.float32]


def assert_replicates_are_independent(balancer: AnyBalancer) -> None:
    """A replicate gets the same weights in a stack as by itself."""

    def check(seed: int, replicate: int) -> None:
        stream = SignalStream(seed)
        together, _ = weigh_steps(balancer, stream)
        alone, _ = weigh_steps(balancer, replace(stream, replicates=[replicate]))
        _require_close(together[:, [replicate]], alone, "a replicate depends on the others")

    _try_examples(check, seed=_SEEDS, replicate=_REPLICATE)


def assert_tasks_have_no_order(balancer: AnyBalancer) -> None:
    """If the tasks are permuted, the weights are permuted in the same way."""

    def check(seed: int, order: list[int]) -> None:
        stream = SignalStream(seed)
        weights, _ = weigh_steps(balancer, stream)
        moved, _ = weigh_steps(balancer, replace(stream, tasks=order))
        _require_close(moved, weights[:, :, order], "the order of the tasks changes their weights")

    _try_examples(check, seed=_SEEDS, order=st.permutations(range(TASKS)))


def assert_absent_task_has_no_effect(balancer: AnyBalancer) -> None:
    """An absent task has weight zero, and the others are weighted as if it did not exist.

    Different tasks, or all tasks, may be absent in each replicate.
    """

    @example(seed=2, flags=_UNLIKE, replicate=0)
    @example(seed=2, flags=_UNLIKE, replicate=1)
    def check(seed: int, flags: list[bool], replicate: int) -> None:
        present = torch.tensor(flags, dtype=torch.bool).view(REPLICATES, TASKS)
        stream = SignalStream(seed, present=present)
        weights, _ = weigh_steps(balancer, stream)
        _require(not weights[:, ~present].any(), "an absent task has a weight")
        others = present[replicate].nonzero().flatten().tolist()
        if others:
            alone, _ = weigh_steps(balancer, replace(stream, replicates=[replicate], tasks=others))
            rest = weights[:, [replicate]][:, :, others]
            _require_close(rest, alone, "an absent task changes the weights of the others")

    _try_examples(check, seed=_SEEDS, flags=_FLAGS, replicate=_REPLICATE)


def assert_memory_of_absent_task_stays(balancer: AnyBalancer) -> None:
    """The memory of a task does not change at steps and epochs without it."""
    _, state = weigh_steps(balancer, SignalStream(4))
    state = balancer.end_epoch(state)
    before = {name: leaf.clone() for name, leaf in memory_leaves(balancer.end_epoch(state)).items()}
    present = torch.tensor([True, False, True, False])
    without = SignalStream(4, present=present.expand(REPLICATES, TASKS))
    for step in range(4, 7):
        _, state = balancer.weigh(without.at(step), state)
        state = balancer.after_step(partial(without.losses_after, step), state)
    for name, leaf in memory_leaves(balancer.end_epoch(state)).items():
        if leaf.ndim > 1 and leaf.shape[1] == TASKS:
            stays = torch.equal(leaf[:, ~present], before[name][:, ~present])
            _require(stays, f"{name} of an absent task changes")


def assert_no_task_means_no_weight(balancer: AnyBalancer) -> None:
    """If all tasks are absent, all weights are zero and the memory stays finite."""
    nothing = torch.zeros(REPLICATES, TASKS, dtype=torch.bool)
    for dtype in _TYPES:
        weights, state = weigh_steps(balancer, SignalStream(0, present=nothing, dtype=dtype))
        _require(not weights.any(), "a weight is not zero where all tasks are absent")
        _require_finite(weights, state, "where all tasks are absent")


def assert_finite(balancer: AnyBalancer) -> None:
    """Weights and memory stay finite for losses and gradients that are zero, tiny or huge."""
    for scale in _SCALES:
        for dtype in _TYPES:
            stream = SignalStream(1, scale=scale, dtype=dtype)
            weights, state = weigh_steps(balancer, stream, steps=20)
            _require_finite(weights, state, f"at scale {scale} in {dtype}")


def assert_no_gradient(balancer: AnyBalancer) -> None:
    """Weights and memory carry no gradient of the losses, under `no_grad` as in training."""
    signals = SignalStream(0).at(0)
    signals.losses.requires_grad_()
    with torch.no_grad():
        weights, state = balancer.weigh(signals, balancer.init(signals.losses))
        state = balancer.end_epoch(balancer.after_step(lambda: signals.losses, state))
    for name, leaf in {"weights": weights, **memory_leaves(state)}.items():
        _require(not leaf.requires_grad, f"{name}: carries a gradient")


def assert_memory_leads_with_r_and_survives_saving(balancer: AnyBalancer) -> None:
    """Memory that is saved and loaded continues the run, for a stack and for one replicate."""
    stream = SignalStream(0)
    _, state = weigh_steps(balancer, stream)
    for name, leaf in memory_leaves(state).items():
        _require(leaf.shape[:1] == (REPLICATES,), f"the first axis of {name} is not R")
    expected, _ = balancer.weigh(stream.at(5), state)
    file = io.BytesIO()
    torch.save(memory_leaves(state), file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    weights, _ = balancer.weigh(stream.at(5), unflatten(state, loaded))
    _require(torch.equal(weights, expected), "a loaded memory gives other weights")
    for replicate in range(REPLICATES):
        rows = {name: leaf[[replicate]] for name, leaf in loaded.items()}
        alone = replace(stream, replicates=[replicate]).at(5)
        weights, _ = balancer.weigh(alone, unflatten(state, rows))
        _require_close(weights, expected[[replicate]], "a replicate's memory gives other weights")


def assert_precision_stays(balancer: AnyBalancer) -> None:
    """Single-precision losses give single-precision weights and memory; counts are int64."""
    weights, state = weigh_steps(balancer, SignalStream(0, dtype=torch.float32))
    _require(weights.dtype == torch.float32, f"the weights are {weights.dtype}")
    for name, leaf in memory_leaves(state).items():
        _require(leaf.dtype in {torch.float32, torch.int64}, f"{name} is {leaf.dtype}")


LAWS: tuple[Callable[[AnyBalancer], None], ...] = (
    assert_replicates_are_independent,
    assert_tasks_have_no_order,
    assert_absent_task_has_no_effect,
    assert_memory_of_absent_task_stays,
    assert_no_task_means_no_weight,
    assert_finite,
    assert_no_gradient,
    assert_memory_leads_with_r_and_survives_saving,
    assert_precision_stays,
)
"""Every law of the contract."""


def check_balancer(balancer: type[AnyBalancer] | AnyBalancer) -> None:
    """Tests a balancer with every law.

    Args:
        balancer: a class, which is tested with its defaults and at the `corners` of its domains; or
            an instance, which is tested as it is.

    Raises:
        AssertionError: a law is broken; a note names the law and the setting.

    >>> from hemomodel.balancers.scale_invariant import ScaleInvariant
    >>> check_balancer(ScaleInvariant)
    """
    for setting in corners(balancer) if isinstance(balancer, type) else [balancer]:
        for law in LAWS:
            try:
                law(setting)
            except Exception as error:
                error.add_note(f"{setting} does not pass {law.__name__}")
                raise


def _try_examples(check: Callable[..., None], **inputs: st.SearchStrategy[Any]) -> None:
    """Calls a check on a fifth of the examples of the active profile."""
    count = max(1, settings().max_examples // 5)
    trying = settings(max_examples=count, deadline=None, report_multiple_bugs=False)
    trying(given(**inputs)(check))()


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _require_close(actual: Tensor, expected: Tensor, message: str) -> None:
    torch.testing.assert_close(actual, expected, msg=lambda text: f"{message}: {text}")


def _require_finite(weights: Weights, state: Any, where: str) -> None:
    for name, leaf in {"weights": weights, **memory_leaves(state)}.items():
        _require(bool(torch.isfinite(leaf).all()), f"{name}: not finite {where}")
