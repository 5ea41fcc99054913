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

from hemomodel.shapes import Gramian, Losses, Weights

__all__ = ["BALANCERS", "Adam", "Balancer", "Empty", "Signals"]

State = TypeVar("State", bound=NamedTuple)

BALANCERS: dict[str, type["Balancer[Any]"]] = {}
"""Every balancer by its name. Defining a subclass enters it here."""


class Signals:
    """What one step tells a balancer.

    Attributes:
        losses: (R, T), this batch's task losses before the step.
        regression: (T,) bool, which losses are squared errors (the others are cross-entropies).
    """

    def __init__(
        self,
        losses: Losses,
        gramian: Callable[[], Gramian],
        regression: Tensor | None = None,
        norms: Callable[[], Tensor] | None = None,
    ) -> None:
        """Takes the losses, and how to get the rest if it is asked for.

        Args:
            losses: (R, T).
            gramian: returns the Gramian (R, T, T).
            regression: (T,) bool; none of the tasks if not given.
            norms: returns the root of the Gramian's diagonal (R, T), where that is had for less.
        """
        self.losses = losses
        self.regression = (
            torch.zeros(losses.shape[1], dtype=torch.bool, device=losses.device)
            if regression is None
            else regression
        )
        self._gramian, self._norms = gramian, norms

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


class Empty(NamedTuple):
    """No memory."""


class Adam(NamedTuple):
    """Moments of Adam (Kingma & Ba, ICLR 2015), one step count a replicate."""

    mean: Tensor
    square: Tensor
    steps: Tensor

    @classmethod
    def zeros(cls, like: Tensor) -> "Adam":
        """Returns fresh moments for a parameter (R, ...)."""
        return cls(torch.zeros_like(like), torch.zeros_like(like), torch.zeros_like(like[:, :1]))

    def step(self, gradient: Tensor, lr: float) -> tuple[Tensor, "Adam"]:
        """Returns what to subtract from the parameter, and the new moments.

        The same arithmetic as torch.optim.Adam with its default betas and epsilon.
        """
        beta1, beta2, eps = 0.9, 0.999, 1e-8
        mean = self.mean.lerp(gradient, 1 - beta1)
        square = self.square.lerp(gradient.square(), 1 - beta2)
        steps = self.steps + 1
        root = square.sqrt() / (1 - beta2**steps).sqrt() + eps
        return lr / (1 - beta1**steps) * mean / root, Adam(mean, square, steps)


@dataclass(frozen=True)
class Balancer(ABC, Generic[State]):
    """A way of weighting the task losses.

    A subclass is a frozen dataclass: its annotated fields are its hyperparameters and their
    domains. Its memory is a NamedTuple of tensors that lead with R (or of such NamedTuples).

    Attributes:
        name: what it is called in configurations, reports and `BALANCERS`.
    """

    name: ClassVar[str]

    def __init_subclass__(cls, *, name: str) -> None:
        super().__init_subclass__()
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

    def end_epoch(self, state: State) -> State:
        """Returns the memory after an epoch; the same unless a method counts epochs."""
        return state
