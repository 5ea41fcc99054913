"""Settings of a study: typed, read from YAML and `--set`, with errors a person can mend."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hemomodel.balancers._base import BALANCERS
from hemomodel.errors import InputError, did_you_mean
from hemomodel.schema.strict_yaml import parse_yaml, read_yaml
from hemomodel.schema.validation_message import validation_message
from study.settings.data_source import DataSource

__all__ = ["EarlyStopping", "Settings", "load_settings", "settings_file"]

_BUILT_IN = Path(__file__).parent / "builtin"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EarlyStopping(_Strict):
    """Asynchronous successive halving (Li et al., MLSys 2020), one ladder an arm.

    Attributes:
        grace: epochs that every trial gets.
        factor: at grace, grace * factor, ... the best 1 / factor go on.
    """

    grace: Annotated[int, Field(ge=1)] = 10
    factor: Annotated[float, Field(gt=1)] = 3


class Settings(_Strict):
    """One study.

    Attributes:
        name: of its folder; made from the time if not given.
        data: a table (.xlsx, .csv, .parquet, .arff), or `synthetic:ROWS` for the built-in cohort.
        schema_file: of the table; the hemodialysis workbook's if not given.
        labels: `complete` drops rows that lack the label of a task; `partial` keeps them, and each
            task is learned and scored on the rows that have its own.
        require_comorbidities: turns on the schema's switch of this name: drop sessions without
            comorbidities (as in the published curves).
        legacy_age: turns on the schema's switch of this name: age as the original computed it, 3
            years too high.
        trials: configurations to try, over all arms (for each outer fold, if nested).
        seed: of the search and of the built-in cohort.
        balancers: the arms; `all` for every balancer there is.
        allocation: `equal`: each balancer is an arm with as many trials as the others; `joint`:
            the balancer is one more hyperparameter of a single arm.
        folds, seeds: each trial trains folds x seeds replicates.
        outer_folds: one row in this many is held out for the comparison.
        nested: nested cross-validation: the whole search is repeated for each outer fold, with as
            many trials each, so that every row is held out once.
        finalists: configurations of each arm, the best on validation, that are retrained on fresh
            seeds; the best of them there is scored on the held-out rows.
        confirm_seeds: fresh seeds that the finalists are retrained on.
        startup_trials: random trials of an arm before its sampler learns.
        early_stopping: or null to train every trial to the end.
        report_every: epochs between two reports of a trial.
        max_concurrent: trials at once; as many as there are CPUs if not given. On a cluster it may
            be more than there are yet: the rest wait for nodes to join.
        time_budget: seconds after which no more is searched.
        wandb: where runs are logged.
        address: of a Ray cluster; a Ray of its own on this machine if not given.
        storage: `env:NAME` for an Optuna storage whose URL stands in $NAME; a journal in the
            study's folder if not given.
        device: to train on; `auto` is CUDA if the cluster's GPUs and torch can.
        gpus_per_trial: the share of a GPU that a trial asks for, when it trains on one.
        out: folder of the studies.
        fit: fixed values of training, by parameter name; what is fixed is not searched.
        space: narrower domains, by parameter name: [low, high] or a list of choices.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")] | None = None
    data: str = "synthetic:465"
    schema_file: str | None = None
    labels: Literal["complete", "partial"] = "complete"
    require_comorbidities: bool = False
    legacy_age: bool = False
    trials: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    balancers: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "equal",
        "fixed",
        "random",
        "uncertainty",
        "gradnorm",
    )
    allocation: Literal["equal", "joint"] = "equal"
    folds: Annotated[int, Field(ge=2)] = 5
    seeds: Annotated[int, Field(ge=1, le=5_000)] = 3  # more would meet the fresh ones
    outer_folds: Annotated[int, Field(ge=2)] = 5
    nested: bool = False
    finalists: Annotated[int, Field(ge=1)] = 3
    confirm_seeds: Annotated[int, Field(ge=2, le=5_000)] = 8
    startup_trials: Annotated[int, Field(ge=1)] = 10
    early_stopping: EarlyStopping | None = EarlyStopping()
    report_every: Annotated[int, Field(ge=1)] = 10
    max_concurrent: Annotated[int, Field(ge=1)] | None = None
    time_budget: Annotated[float, Field(gt=0)] | None = None
    wandb: Literal["offline", "online", "disabled"] = "offline"
    address: str | None = None
    storage: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    gpus_per_trial: Annotated[float, Field(gt=0, le=1)] = 0.25
    out: str = "studies"
    fit: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, list[Any]] = Field(default_factory=dict)

    @property
    def source(self) -> DataSource:
        """Where the rows come from: `data`, parsed."""
        return DataSource.parse(self.data)

    @property
    def switches(self) -> frozenset[str]:
        """The switches of the schema that are on; each has the name of its setting."""
        return frozenset(n for n in ("require_comorbidities", "legacy_age") if getattr(self, n))

    @field_validator("balancers")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if names == ("all",):
            return tuple(BALANCERS)
        for name in names:
            if name not in BALANCERS:
                raise ValueError(f"{name!r} is no balancer; {did_you_mean(name, BALANCERS)}")
        if len(set(names)) < len(names):
            raise ValueError(f"a balancer stands twice in {', '.join(names)}; name each once")
        return names

    @field_validator("storage")
    @classmethod
    def _no_password(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError("write env:NAME, and put the URL into the environment variable NAME")
        return name


def load_settings(
    source: Path | Mapping[str, Any] | None,
    changes: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Takes settings from a YAML file, then applies `key=value` changes, then flags.

    Args:
        source: the file, or the settings of an earlier study, or None for the defaults.
        changes: such as `trials=20`, `fit.epochs=30`, `space.lr=[1e-3, 1e-2]`.
        flags: settings given by name; None leaves a setting as it is.

    Raises:
        InputError: the file cannot be read, a key is unknown, or a value is out of range.
    """
    values = _read(source) if isinstance(source, Path) else dict(source or {})
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise InputError(f"--set {change}: give key=value, such as fit.epochs=30")
        section, dot, rest = key.strip().partition(".")
        value = parse_yaml(text, f"--set {key}")
        if dot:
            inner = values.get(section) or {}
            if not isinstance(inner, dict):
                raise InputError(
                    f"--set {key}: {section} is {inner!r}, which has no parts; give {section}=VALUE"
                )
            values[section] = {**inner, rest: value}
        else:
            values[section] = value
    values.update({key: value for key, value in (flags or {}).items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        where = source if isinstance(source, Path) else "settings"
        message = validation_message(error, Settings, hidden=["storage"])
        raise InputError(f"{where}: {message}") from None


def settings_file(name: str) -> Path:
    """Returns a file of settings: a built-in one by its name, such as `smoke`, or a path."""
    built_in = _BUILT_IN / f"{name}.yaml"
    return built_in if "/" not in name and built_in.is_file() else Path(name)


def _read(path: Path) -> dict[str, Any]:
    values = read_yaml(path)
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError(f"{path}: holds no settings; write lines such as `trials: 200`")
    return values
