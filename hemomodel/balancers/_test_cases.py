"""Inputs for tests of a balancer: settings, synthetic signals, and the calls of training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from hemomodel.balancers._base import Balancer, Signals
from hemomodel.domains import IntRange, LogUniform, OneOf, PerTask, Uniform, domains
from hemomodel.pytree import flatten
from hemomodel.typing import Gramian, Losses, Weights

__all__ = [
    "REGRESSION",
    "REPLICATES",
    "TASKS",
    "AnyBalancer",
    "SignalStream",
    "corners",
    "memory_leaves",
    "weigh_steps",
]

AnyBalancer: TypeAlias = Balancer[Any]

REPLICATES, TASKS = 3, 4
REGRESSION = torch.tensor([False, True, False, True])


@dataclass(frozen=True)
class SignalStream:
    """Synthetic signals of a training run, with new random losses and gradients at each step.

    Attributes:
        seed: seed of the random numbers.
        replicates: which of the `REPLICATES` are included.
        tasks: which of the `TASKS` are included, in this order.
        present: (REPLICATES, TASKS) bool, which tasks are present; all if None.
        scale: a factor of the losses and gradients, one for all tasks or one per task.
        dtype: of losses and Gramian.
    """

    seed: int
    replicates: Sequence[int] = tuple(range(REPLICATES))
    tasks: Sequence[int] = tuple(range(TASKS))
    present: Tensor | None = None
    scale: Sequence[float] = (1.0,)
    dtype: torch.dtype = torch.float64

    def at(self, step: int) -> Signals:
        """Returns the signals of a step.

        A replicate and a task have the same signals in every selection of replicates and tasks.
        """
        everywhere = torch.ones(REPLICATES, TASKS, dtype=torch.bool)
        present = everywhere if self.present is None else self.present
        factor = torch.tensor(self.scale, dtype=torch.float64) * present
        rows, columns = [*self.replicates], [*self.tasks]
        losses, gradients = _draw(self.seed * 1000 + step)

        def gramian() -> Gramian:
            jacobian = gradients * factor.unsqueeze(2)
            return (jacobian @ jacobian.mT)[rows][:, columns][:, :, columns].to(self.dtype)

        return Signals(
            (losses * factor)[rows][:, columns].to(self.dtype),
            gramian,
            REGRESSION[columns],
            present=present[rows][:, columns],
            keys=(torch.arange(REPLICATES) + self.seed)[rows],
        )

    def losses_after(self, step: int) -> Losses:
        """Returns the losses of a step's batch after the step; here those of the next step."""
        return self.at(step + 1).losses


@lru_cache(maxsize=128)
def _draw(seed: int) -> tuple[Losses, Tensor]:
    """Returns losses (R, T) from 0.001 to 3.001, and gradients (R, T, 9)."""
    generator = torch.Generator().manual_seed(seed)
    losses = torch.rand(REPLICATES, TASKS, generator=generator, dtype=torch.float64)
    gradients = torch.randn(REPLICATES, TASKS, 9, generator=generator, dtype=torch.float64)
    return losses * 3 + 1e-3, gradients


def weigh_steps(balancer: AnyBalancer, stream: SignalStream, steps: int = 4) -> tuple[Weights, Any]:
    """Calls a balancer as training does; an epoch ends after the second step.

    Hyperparameters per task are reduced to the tasks of the stream.

    Returns:
        The weights (steps, R, T), and the memory after the last step.
    """
    balancer = _of_tasks(balancer, stream.tasks)
    state = balancer.init(stream.at(0).losses)
    weights = []
    for step in range(steps):
        step_weights, state = balancer.weigh(stream.at(step), state)
        weights.append(step_weights)
        state = balancer.after_step(partial(stream.losses_after, step), state)
        if step == 1:
            state = balancer.end_epoch(state)
    return torch.stack(weights), state


def corners(balancer_class: type[AnyBalancer]) -> Iterator[AnyBalancer]:
    """Yields a balancer with defaults, and one at each end of each hyperparameter's domain.

    Raises:
        TypeError: a domain that a balancer cannot have, such as the layers of a network.
    """
    yield balancer_class()
    for field, domain in domains(balancer_class):
        values: list[Any]
        match domain:
            case Uniform(low, high) | LogUniform(low, high) | IntRange(low, high):
                values = [low, high]
            case OneOf(choices):
                values = [*choices]
            case PerTask(each):
                values = [(each.low,) * TASKS, (each.low, each.high) * (TASKS // 2)]
            case _:
                raise TypeError(
                    f"{balancer_class.__name__}.{field.name} has the domain {domain}; "
                    "use Uniform, LogUniform, IntRange, OneOf or PerTask"
                )
        for value in values:
            yield balancer_class(**{field.name: value})


def memory_leaves(state: Any) -> dict[str, Tensor]:
    """Returns the tensors of a memory by their names.

    Raises:
        AssertionError: the memory is not a NamedTuple of tensors.
    """
    try:
        return dict(flatten(state))
    except AttributeError as error:
        raise AssertionError(
            f"the memory {state} is not a NamedTuple of tensors; make it one"
        ) from error


def _of_tasks(balancer: AnyBalancer, tasks: Sequence[int]) -> AnyBalancer:
    """Returns the balancer with its lists of one number per task reduced to some tasks."""
    lists = [field.name for field, domain in domains(type(balancer)) if isinstance(domain, PerTask)]
    values = {name: getattr(balancer, name) for name in lists}
    cut = {name: tuple(each[i] for i in tasks) for name, each in values.items() if each}
    return replace(balancer, **cut)
