"""What a balancer is: a map (losses, Gramian, memory) -> (weights, memory).

A balancer never touches the network, holds no memory of its own, and carries no gradient.
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
"""Every balancer by its name. Defining a subclass enters it here."""

LOSS_FLOOR = 1e-8
"""Where a loss is divided by, or its logarithm taken, one below this counts as this."""


class Signals:
    """What one step tells a balancer.

    Attributes:
        losses: (R, T), this batch's task losses before the step; zero for an absent task.
        regression: (T,) bool, which losses are squared errors. The others are negative
            log-likelihoods: cross-entropies, and half the deviance of counts.
        present: (R, T) bool, which tasks have a labelled row in this batch. An absent task takes no
            part: the others are weighed as if it did not exist, its own weight is zero, and what
            is remembered of it does not change.
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
        """Takes the losses, and how to get the rest if it is asked for.

        Args:
            losses: (R, T).
            gramian: returns the Gramian (R, T, T); zero where a task is absent.
            regression: (T,) bool; none of the tasks if not given.
            norms: returns the root of the Gramian's diagonal (R, T), where that is had for less.
            present: (R, T) bool; all tasks if not given.
            keys: (R,), the root of each replicate's random numbers; the same for all if not given.
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
        """(R, 1), how many tasks are present."""
        return self.present.sum(1, keepdim=True)

    @cached_property
    def gramian(self) -> Gramian:
        """(R, T, T), computed once, and only when asked for."""
        return self._gramian()

    @cached_property
    def norms(self) -> Tensor:
        """(R, T), the norm of each task's gradient at the last shared layer."""
        if self._norms is not None:
            return self._norms()
        return self.gramian.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()

    def noise(self, step: Tensor) -> Tensor:
        """Returns fresh numbers, uniform in [0, 1), one for each ordered pair of tasks: (R, T, T).

        A number belongs to the ranks of the losses and not to the place of a task, so that the
        tasks have no order here either; it does not depend on absent tasks, which rank last.

        Args:
            step: (R, 1) int64, how often this was asked before; a balancer counts it in its memory.
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
    """Moments of Adam (Kingma & Ba, ICLR 2015), with a step count of each entry's own."""

    mean: Tensor
    square: Tensor
    steps: Tensor

    @classmethod
    def zeros(cls, like: Tensor) -> "Adam":
        """Returns fresh moments for a parameter (R, T)."""
        return cls(torch.zeros_like(like), torch.zeros_like(like), torch.zeros_like(like))

    def step(self, gradient: Tensor, lr: float, present: Tensor) -> tuple[Tensor, "Adam"]:
        """Returns what to subtract from the parameter (R, T), and the new moments.

        The same arithmetic as torch.optim.Adam with its default betas and epsilon. For an entry
        that is not present nothing moves, and the step does not count.
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
    """Returns the mean of values (R, T) over the present tasks: (R, 1), zero if there is none."""
    total = values.masked_fill(~present, 0).sum(1, keepdim=True)
    return total / present.sum(1, keepdim=True).clamp_min(1)


def masked_softmax(logits: Tensor, present: Tensor) -> Tensor:
    """Returns the softmax (R, T) over the present tasks; zero for absent ones, even if all are."""
    lowest = torch.finfo(logits.dtype).min  # minus infinity would make NaN where all are absent
    return logits.masked_fill(~present, lowest).softmax(1) * present


@dataclass(frozen=True)
class Balancer(ABC, Generic[State]):
    """A way of weighting the task losses.

    A subclass is a frozen dataclass: its annotated fields are its hyperparameters and their
    domains. Its memory is a NamedTuple of tensors that lead with R (or of such NamedTuples).

    Attributes:
        name: what it is called in configurations, reports and `BALANCERS`.
        weighs_heads: whether the weights apply to trunk and heads alike (loss weighting), or to
            the trunk alone while each head follows its own loss (gradient aggregation).
        shares_trunk: false only where each task has a network of its own.
    """

    name: ClassVar[str]
    weighs_heads: ClassVar[bool] = True
    shares_trunk: ClassVar[bool] = True

    def __init_subclass__(cls, *, name: str | None = None) -> None:
        """Enters a balancer in `BALANCERS`; one without a name is a base of others."""
        super().__init_subclass__()
        if name is None:
            return
        if name in BALANCERS:
            raise ValueError(f"two balancers are named {name!r}; give {cls.__qualname__} another")
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
                forward pass, so only a method that needs them asks.
            state: what `weigh` returned.
        """
        return state

    def end_epoch(self, state: State) -> State:
        """Returns the memory after an epoch; the same unless a method counts epochs."""
        return state

    def health(self, state: State) -> dict[str, Tensor]:
        """Returns what a trial reports of a solver, (R,) each; nothing if all is closed-form.

        `unsolved` counts the steps whose solver did not converge; `residual` is the largest so far.
        """
        return {}


@dataclass(frozen=True)
class Stateless(Balancer[NoState]):
    """A way of weighting that remembers nothing."""

    def init(self, losses: Losses) -> NoState:
        """Returns no memory."""
        return NoState()
