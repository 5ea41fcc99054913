"""Domains of hyperparameters for the search, as plain data beside the default.

`alpha: Annotated[float, Uniform(0.0, 3.0)] = 1.5` gives type, domain and default in one line.
This module does not depend on a search library.
"""

from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from typing import Annotated, Any, TypeAlias, get_args, get_origin, get_type_hints

__all__ = ["Domain", "IntRange", "Layers", "LogUniform", "OneOf", "PerTask", "Uniform", "domains"]


@dataclass(frozen=True)
class Uniform:
    """Real numbers in [low, high], uniformly."""

    low: float
    high: float


@dataclass(frozen=True)
class LogUniform:
    """Positive real numbers in [low, high], uniformly on the log scale."""

    low: float
    high: float


@dataclass(frozen=True)
class IntRange:
    """Whole numbers from low to high, both included."""

    low: int
    high: int


@dataclass(frozen=True, init=False)
class OneOf:
    """One of a few choices (numbers or strings)."""

    choices: tuple[str | int | float, ...]

    def __init__(self, *choices: str | float) -> None:
        object.__setattr__(self, "choices", choices)


@dataclass(frozen=True)
class Layers:
    """Number of layers, and one width per layer."""

    depth: IntRange
    width: OneOf


@dataclass(frozen=True)
class PerTask:
    """One number per task, all in the same domain."""

    each: Uniform


Domain: TypeAlias = Uniform | LogUniform | IntRange | OneOf | Layers | PerTask


def domains(config: type) -> Iterator[tuple[Field[Any], Domain]]:
    """Yields the searchable fields of a configuration class with their domains, in order.

    Args:
        config: a dataclass whose searchable fields are annotated with one domain each.
    """
    hints = get_type_hints(config, include_extras=True)
    for field in fields(config):
        hint = hints[field.name]
        if get_origin(hint) is Annotated:
            declared = [item for item in get_args(hint)[1:] if isinstance(item, Domain)]
            if declared:
                yield field, declared[0]
