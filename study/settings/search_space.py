"""The search space, built from the configuration classes.

`SearchSpace.build` turns a point of the space back into a configuration. A parameter has a flat
name: `lr`, `hidden.depth`, `gradnorm.alpha`, `fixed.log_weights.calcium`. A parameter that the
settings fix is not searched. A parameter that they narrow is searched in the narrower domain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydantic import ValidationError

from hemomodel.balancers._base import BALANCERS
from hemomodel.domains import IntRange, Layers, LogUniform, OneOf, PerTask, Uniform, domains
from hemomodel.errors import InputError, did_you_mean
from hemomodel.schema.validation_message import validation_message
from hemomodel.training.fit_config import FitConfig
from study.settings.cross_checks import check_fit_settings
from study.settings.settings import Settings

if TYPE_CHECKING:  # workers do not need it
    import optuna

__all__ = ["Parameter", "SearchSpace"]

Scalar: TypeAlias = Uniform | LogUniform | IntRange | OneOf
Parameter: TypeAlias = str | int | float


class SearchSpace:
    """The space that one study searches; `build` turns a point into a configuration."""

    def __init__(self, settings: Settings, tasks: Sequence[str]) -> None:
        """Builds the space.

        Args:
            settings: of the study.
            tasks: names of the T tasks.

        Raises:
            InputError: a fixed or narrowed parameter is unknown or out of range.
        """
        # Workers get a copy with only what they need: not the path of the data.
        self._fit, self._first = dict(settings.fit), settings.balancers[0]
        self._tasks = tuple(tasks)
        common = _scalars(FitConfig, "", tasks)
        balancers = {
            name: _scalars(BALANCERS[name], f"{name}.", tasks) for name in settings.balancers
        }
        searched = {
            **common,
            **{key: value for part in balancers.values() for key, value in part.items()},
        }
        narrowed = _narrowed(settings, searched)
        fixed = set(settings.fit)
        self._common = {key: narrowed[key] for key in common if not _covered(key, fixed)}
        self._of_balancer = {
            name: {key: narrowed[key] for key in part if not _covered(key, fixed)}
            for name, part in balancers.items()
        }
        self._check_fixed(settings, searched)

    @property
    def base(self) -> FitConfig:
        """The defaults and the fixed settings: epochs, features and targets of every trial."""
        return self.build({"balancer": self._first})

    def searched(self, balancer: str) -> dict[str, Scalar]:
        """Returns the domains of the parameters that are searched under a balancer.

        The depth of the trunk decides which of its widths are searched.
        """
        return {**self._common, **self._of_balancer[balancer]}

    def suggest(
        self, trial: "optuna.trial.BaseTrial", balancers: Sequence[str]
    ) -> dict[str, Parameter]:
        """Draws a point from a sampler.

        Args:
            trial: the open Optuna trial.
            balancers: of the arm; the balancer is drawn only if there are several.

        Returns:
            parameters by name, including `balancer`.
        """
        name = balancers[0]
        if len(balancers) > 1:
            name = str(trial.suggest_categorical("balancer", list(balancers)))
        point: dict[str, Parameter] = {"balancer": name}
        depth = self._fit.get("hidden.depth", len(FitConfig.hidden))
        for key, domain in self.searched(name).items():
            layer = key.removeprefix("hidden.width")
            if layer != key and int(layer) > int(point.get("hidden.depth", depth)):
                continue
            point[key] = _draw(trial, key, domain)
        return point

    def build(self, point: Mapping[str, Parameter]) -> FitConfig:
        """Returns the configuration of a point; all other parameters have their defaults."""
        name = str(point["balancer"])
        values: dict[str, Any] = {**self._fit, **point}
        widths = [values[key] for key in sorted(values) if key.startswith("hidden.width")]
        weights = [values.get(f"fixed.log_weights.{task}") for task in self._tasks]
        if widths:
            values["hidden"] = tuple(widths)
        if None not in weights:
            values["fixed.log_weights"] = tuple(weights)
        balancer = {
            f.name: values[f"{name}.{f.name}"]
            for f in fields(BALANCERS[name])
            if f"{name}.{f.name}" in values
        }
        common = {
            f.name: values[f.name]
            for f in fields(FitConfig)
            if f.name in values and f.name != "balancer"
        }
        try:
            return FitConfig(**common, balancer=BALANCERS[name](**balancer))
        except ValidationError as error:
            raise InputError(f"fit: {validation_message(error, FitConfig)}") from None

    def _check_fixed(self, settings: Settings, searched: Mapping[str, Scalar]) -> None:
        known = set(searched)
        for config, prefix in [(FitConfig, ""), *((BALANCERS[n], f"{n}.") for n in BALANCERS)]:
            known |= {prefix + field.name for field in fields(config)}
        known -= {"balancer"}
        for key in settings.fit:
            if key not in known:
                raise InputError(
                    f"fit.{key} is not a parameter; {did_you_mean(key, sorted(known))}"
                )
        check_fit_settings(settings, searched, len(self._tasks))
        for name in settings.balancers:
            self.build({"balancer": name})


def _narrowed(settings: Settings, searched: Mapping[str, Scalar]) -> dict[str, Scalar]:
    result = dict(searched)
    groups = {key.rstrip("0123456789") for key in searched if key.startswith("hidden.width")}
    groups |= {key.rpartition(".")[0] for key in searched if ".log_weights." in key}
    for key, values in settings.space.items():
        members = [name for name in searched if name == key]
        if key in groups:
            members = [name for name in searched if name.startswith(key)]
        if not members:
            known = sorted(set(searched) | groups)
            raise InputError(f"space.{key} is not searched; {did_you_mean(key, known)}")
        for name in members:
            result[name] = _narrow(key, searched[name], values)
    return result


def _scalars(config: type, prefix: str, tasks: Sequence[str]) -> dict[str, Scalar]:
    """Returns the domains of a class by flat name, with one entry per layer and per task."""
    scalars: dict[str, Scalar] = {}
    for field, domain in domains(config):
        key = prefix + field.name
        if isinstance(domain, Layers):
            scalars[f"{key}.depth"] = domain.depth
            for layer in range(1, domain.depth.high + 1):
                scalars[f"{key}.width{layer}"] = domain.width
        elif isinstance(domain, PerTask):
            scalars.update({f"{key}.{task}": domain.each for task in tasks})
        else:
            scalars[key] = domain
    return scalars


def _covered(key: str, fixed: set[str]) -> bool:
    """Returns whether a parameter, or the field that it is part of, is fixed."""
    return any(key == name or key.startswith(f"{name}.") for name in fixed)


def _narrow(key: str, domain: Scalar, values: list[Any]) -> Scalar:
    """Returns the part of a domain that the settings allow."""
    if isinstance(domain, OneOf):
        for value in values:
            if value not in domain.choices:
                choices = ", ".join(map(str, domain.choices))
                raise InputError(f"space.{key} contains {value!r}; choose from {choices}")
        if not values:
            raise InputError(f"space.{key} is empty; give one choice or more")
        return OneOf(*values)
    bounds = f"{domain.low} to {domain.high}"
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if len(values) != 2 or not numbers:  # noqa: PLR2004 - a range has two ends
        raise InputError(f"space.{key} is {values}; give [low, high] within {bounds}")
    low, high = values
    if isinstance(domain, IntRange) and (int(low) != low or int(high) != high):
        raise InputError(f"space.{key} is {values}; give whole numbers within {bounds}")
    if not domain.low <= low <= high <= domain.high:
        raise InputError(f"space.{key} is {values}; give low <= high within {bounds}")
    return type(domain)(low, high)


def _draw(trial: "optuna.trial.BaseTrial", key: str, domain: Scalar) -> Parameter:
    match domain:
        case Uniform(low, high):
            return trial.suggest_float(key, low, high)
        case LogUniform(low, high):
            return trial.suggest_float(key, low, high, log=True)
        case IntRange(low, high):
            return trial.suggest_int(key, low, high)
        case OneOf(choices):
            chosen: Any = trial.suggest_categorical(key, list(choices))
            return cast("Parameter", chosen)
