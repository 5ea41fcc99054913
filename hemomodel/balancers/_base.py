"""The interface of a balancer: a map (losses, Gramian, memory) -> (weights, memory).

A balancer does not access the network, keeps no state itself, and its results carry no gradient.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from hemomodel.prng import fold_in, random_bits, uniform
from hemomodel.typing import Gramian, Keys, Losses, Weights

__all__ = [
    "BALANCERS",
    "LOSS_FLOOR",
    "Adam",
    "Balancer",
    "NoState",
    "Signals",
    "Stateless",
    "masked_mean",
    "masked_softmax",
]

State = TypeVar("State", bound=NamedTuple)

BALANCERS: dict[str, type["Balancer[Any]"]] = {}
"""Every balancer by its name. Defining a subclass with a name registers it here."""

LOSS_FLOOR = 1e-8
"""The smallest loss used in a division or a logarithm; smaller losses are replaced by it."""


class Signals:
    """The inputs of a balancer at one step.

    Attributes:
        losses: (R, T), this batch's task losses before the step; zero for an absent task.
        regression: (T,) bool, which losses are squared errors. The others are negative
            log-likelihoods: cross-entropies, and half the deviance of counts.
        present: (R, T) bool, which tasks have a labelled row in this batch. An absent task has no
            effect: the other tasks are weighted as if it did not exist, its own weight is zero,
            and the memory of it does not change.
    """

    def __init__(
        self,
        losses: Losses,
        gramian: Callable[[], Gramian],
        regression: Tensor | None = None,
        norms: Callable[[], Tensor] | None = None,
        *,
        present: Tensor | None = None,
        keys: Keys | None = None,
    ) -> None:
        """Stores the losses, and functions that compute the other signals on demand.

        Args:
            losses: (R, T).
            gramian: returns the Gramian (R, T, T); zero where a task is absent.
            regression: (T,) bool; by default no task.
            norms: returns the root of the Gramian's diagonal (R, T), if there is a faster way.
            present: (R, T) bool; by default all tasks.
            keys: (R,), the key of each replicate's random numbers; by default the same for all.
        """
        self.losses = losses
        self.regression = (
            torch.zeros(losses.shape[1], dtype=torch.bool, device=losses.device)
            if regression is None
            else regression
        )
        self.present = torch.ones_like(losses, dtype=torch.bool) if present is None else present
        self._gramian, self._norms, self._keys = gramian, norms, keys

    @cached_property
    def count(self) -> Tensor:
        """(R, 1), the number of present tasks."""
        return self.present.sum(1, keepdim=True)

    @cached_property
    def gramian(self) -> Gramian:
        """(R, T, T), computed once, and only on demand."""
        return self._gramian()

    @cached_property
    def norms(self) -> Tensor:
        """(R, T), the norm of each task's gradient: the root of the Gramian's diagonal."""
        if self._norms is not None:
            return self._norms()
        return self.gramian.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()

    def noise(self, step: Tensor) -> Tensor:
        """Returns new numbers, uniform in [0, 1), one per ordered pair of tasks: (R, T, T).

        The numbers are assigned by the ranks of the losses, not by the positions of the tasks, so
        that the order of the tasks has no effect. They do not depend on absent tasks, which rank
        last.

        Args:
            step: (R, 1) int64, the number of earlier calls; a balancer counts them in its memory.
        """
        tasks = self.losses.shape[1]
        keys = torch.zeros_like(step[:, 0]) if self._keys is None else self._keys
        rows = random_bits(fold_in(keys, step[:, 0]), tasks).flatten()
        drawn = uniform(rows, tasks, self.losses.dtype).view(-1, tasks, tasks)
        rank = self.losses.masked_fill(~self.present, torch.inf).argsort(1).argsort(1)
        by_row = drawn.gather(1, rank.unsqueeze(2).expand_as(drawn))
        return by_row.gather(2, rank.unsqueeze(1).expand_as(drawn))


class NoState(NamedTuple):
    """No memory."""


class Adam(NamedTuple):
    """Moments of Adam (Kingma & Ba, ICLR 2015), with one step count per entry."""

    mean: Tensor
    square: Tensor
    steps: Tensor

    @classmethod
    def zeros(cls, like: Tensor) -> "Adam":
        """Returns initial moments for a parameter (R, T)."""
        return cls(torch.zeros_like(like), torch.zeros_like(like), torch.zeros_like(like))

    def step(self, gradient: Tensor, lr: float, present: Tensor) -> tuple[Tensor, "Adam"]:
        """Returns the change to subtract from the parameter (R, T), and the new moments.

        The arithmetic is that of torch.optim.Adam with its default betas and epsilon. For an entry
        that is not present, nothing changes and the step does not count.
        """
        beta1, beta2, eps = 0.9, 0.999, 1e-8
        mean = self.mean.lerp(gradient, 1 - beta1)
        square = self.square.lerp(gradient.square(), 1 - beta2)
        steps = self.steps + 1
        root = square.sqrt() / (1 - beta2**steps).sqrt() + eps
        change = lr / (1 - beta1**steps) * mean / root
        after = Adam(
            torch.where(present, mean, self.mean),
            torch.where(present, square, self.square),
            torch.where(present, steps, self.steps),
        )
        return change.masked_fill(~present, 0), after


def masked_mean(values: Tensor, present: Tensor) -> Tensor:
    """Returns the mean of values (R, T) over the present tasks: (R, 1), zero if there are none."""
    total = values.masked_fill(~present, 0).sum(1, keepdim=True)
    return total / present.sum(1, keepdim=True).clamp_min(1)


def masked_softmax(logits: Tensor, present: Tensor) -> Tensor:
    """Returns the softmax (R, T) over the present tasks; zero for absent tasks, even if all are."""
    lowest = torch.finfo(logits.dtype).min  # minus infinity would give NaN if all are absent
    return logits.masked_fill(~present, lowest).softmax(1) * present


@dataclass(frozen=True)
class Balancer(ABC, Generic[State]):
    """A method that weights the task losses.

    A subclass is a frozen dataclass: its annotated fields are its hyperparameters and their
    domains. Its memory is a NamedTuple of tensors with first axis R (or of such NamedTuples).

    Attributes:
        name: the name in configurations, reports and `BALANCERS`.
        weighs_heads: whether the weights apply to trunk and heads (loss weighting), or only to
            the trunk, while each head is trained on its own loss (gradient aggregation).
        shares_trunk: false only if each task has its own network.
    """

    name: ClassVar[str]
    weighs_heads: ClassVar[bool] = True
    shares_trunk: ClassVar[bool] = True

    def __init_subclass__(cls, *, name: str | None = None) -> None:
        """Registers a balancer in `BALANCERS`; a subclass without a name is a base class.

        Raises:
            ValueError: another balancer has this name.
        """
        super().__init_subclass__()
        if name is None:
            return
        if name in BALANCERS:
            raise ValueError(
                f"two balancers are named {name!r}; give {cls.__qualname__} another name"
            )
        cls.name = name
        BALANCERS[name] = cls

    @abstractmethod
    def init(self, losses: Losses) -> State:
        """Returns the memory before the first step.

        Args:
            losses: (R, T), the trivial predictor's losses on the training rows.
        """

    @abstractmethod
    def weigh(self, signals: Signals, state: State) -> tuple[Weights, State]:
        """Returns the weights (R, T) of this step, and the memory for the next one."""

    def after_step(self, losses: Callable[[], Losses], state: State) -> State:
        """Returns the memory after the network's step.

        Args:
            losses: returns the losses (R, T) of the same batch after the step. They cost another
                forward pass, so call this only if the method needs them.
            state: the memory that `weigh` returned.
        """
        return state

    def end_epoch(self, state: State) -> State:
        """Returns the memory after an epoch; by default unchanged."""
        return state

    def health(self, state: State) -> dict[str, Tensor]:
        """Returns what a trial reports about a solver, (R,) each; empty if there is no solver.

        `unsolved` counts the steps at which the solver did not converge. `residual` is the largest
        residual so far.
        """
        return {}


@dataclass(frozen=True)
class Stateless(Balancer[NoState]):
    """A weighting method without memory."""

    def init(self, losses: Losses) -> NoState:
        """Returns the empty memory."""
        return NoState()
