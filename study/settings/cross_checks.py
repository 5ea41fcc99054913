"""Finds valid settings that contradict each other, before a study starts."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from hemomodel.balancers._base import BALANCERS
from hemomodel.domains import IntRange, OneOf
from hemomodel.errors import InputError
from study.settings.settings import Settings

__all__ = ["check_fit_settings", "check_settings"]


def check_settings(settings: Settings, epochs: int) -> None:
    """Checks the settings of a search against each other.

    Args:
        settings: of the study.
        epochs: the most epochs that a trial trains.

    Raises:
        InputError: two settings contradict each other.
    """
    arms = 1 if settings.allocation == "joint" else len(settings.balancers)
    if settings.trials < arms:
        raise InputError(
            f"trials is {settings.trials} for {arms} arms; give {arms} or more, or fewer balancers"
        )
    stopping = settings.early_stopping
    if stopping is not None and stopping.grace > epochs:
        raise InputError(
            f"early_stopping.grace is {stopping.grace}, and trials train for {epochs} epochs; "
            "lower the grace, or set early_stopping=null"
        )


def check_fit_settings(settings: Settings, searched: Mapping[str, object], tasks: int) -> None:
    """Checks the fixed parameters against the space; their names exist.

    Args:
        settings: of the study.
        searched: domains by parameter, before any is fixed.
        tasks: T.

    Raises:
        InputError: a parameter contradicts another, or is not a finite number.
    """
    fixed = settings.fit
    for key, value in fixed.items():
        owner = key.partition(".")[0]
        if owner in BALANCERS and owner not in settings.balancers:
            raise InputError(
                f"fit.{key} belongs to {owner}, which is not an arm of this study "
                f"({', '.join(settings.balancers)}); leave it out, or add {owner} to balancers"
            )
        whole = next((other for other in fixed if key.startswith(f"{other}.")), None)
        if whole is not None:
            raise InputError(f"fit.{whole} already fixes fit.{key}; keep one of the two")
        _check_value(key, value, searched.get(key))
    for key in settings.space:
        if key in fixed or key.rpartition(".")[0] in fixed:
            raise InputError(f"space.{key} narrows what fit already fixes; keep one of the two")
    weights = fixed.get("fixed.log_weights")
    if isinstance(weights, list | tuple) and len(weights) not in (0, tasks):
        raise InputError(f"fit.fixed.log_weights has {len(weights)} numbers; give {tasks} or none")


def _check_value(key: str, value: Any, domain: object) -> None:
    is_flag = isinstance(domain, OneOf) and bool in map(type, domain.choices)
    if any((type(part) is bool) != is_flag or _endless(part) for part in _parts(value)):
        wanted = "true or false" if is_flag else "a finite number, or one of its choices"
        raise InputError(f"fit.{key} is {value!r}; give {wanted}")
    if key == "hidden.depth" and isinstance(domain, IntRange):
        if not isinstance(value, int) or not domain.low <= value <= domain.high:
            bounds = f"{domain.low} to {domain.high}"
            raise InputError(f"fit.{key} is {value!r}; give a whole number from {bounds}")
    elif ".log_weights." in key and not isinstance(value, int | float):
        raise InputError(f"fit.{key} is {value!r}; give a number")


def _parts(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _endless(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
