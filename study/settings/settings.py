"""The typed settings of a study, read from YAML and `--set`, with clear error messages."""

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
    """Asynchronous successive halving (Li et al., MLSys 2020), one schedule per arm.

    Attributes:
        grace: epochs that every trial gets.
        factor: at the rungs grace, grace * factor, ... the best 1 / factor of the trials continue.
    """

    grace: Annotated[int, Field(ge=1)] = 10
    factor: Annotated[float, Field(gt=1)] = 3


class Settings(_Strict):
    """One study.

    Attributes:
        name: name of the study's folder; made from the time if not given.
        data: a table (.xlsx, .csv, .parquet, .arff), or `synthetic:ROWS` for the built-in cohort,
            which may have options: `synthetic:ROWS,interactions=1,shared=0.5,sessions=3`.
        schema_file: schema of the table; the schema of the hemodialysis workbook if not given.
        labels: `complete` drops rows that lack the label of a task; `partial` keeps them, and each
            task is trained and scored on the rows that have its label.
        require_comorbidities: turns on the schema's switch of this name: drop sessions without
            comorbidities (as in the published curves).
        legacy_age: turns on the schema's switch of this name: age as the original computed it, 3
            years too high.
        trials: configurations to try, over all arms (for each outer fold, if nested).
        seed: seed of the search and of the built-in cohort.
        balancers: the arms; `all` for every available balancer.
        allocation: `equal`: each balancer is an arm, and all arms have the same number of trials;
            `joint`: the balancer is one more hyperparameter of a single arm.
        folds, seeds: each trial trains folds x seeds replicates.
        outer_folds: one row in this many is held out for the comparison.
        nested: nested cross-validation: the search is repeated for each outer fold, with the same
            number of trials, so that every row is held out once.
        finalists: number of configurations per arm, the best on validation rows, that are
            retrained on fresh seeds; the best of them there is scored on the held-out rows.
        confirm_seeds: number of fresh seeds that the finalists are retrained on.
        startup_trials: random trials of an arm before its sampler learns.
        early_stopping: the early-stopping schedule; null trains every trial to the end.
        report_every: epochs between two reports of a trial.
        max_concurrent: the most simultaneous trials; the number of CPUs if not given. On a cluster
            it may exceed the present number: the other trials wait until nodes join.
        time_budget: seconds after which the search stops.
        wandb: where runs are logged.
        address: address of a Ray cluster; without it the study starts Ray on this machine.
        storage: `env:NAME` for an Optuna storage with its URL in the environment variable NAME; a
            journal in the study's folder if not given.
        device: to train on; `auto` uses CUDA if the cluster has GPUs and torch supports them.
        gpus_per_trial: the share of a GPU that a trial reserves, if it trains on a GPU.
        blend: the reference model that each exported arm is blended with, task by task; the
            weights are fitted to out-of-fold rows. The comparison of the arms is without it.
        out: folder of the studies.
        fit: fixed values of training, by parameter name; a fixed parameter is not searched.
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
    seeds: Annotated[int, Field(ge=1, le=5_000)] = 3  # more would overlap with the fresh seeds
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
    blend: Literal["none", "linear", "forest"] = "none"
    out: str = "studies"
    fit: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, list[Any]] = Field(default_factory=dict)

    @property
    def source(self) -> DataSource:
        """The source of the rows: `data`, parsed."""
        return DataSource.parse(self.data)

    @property
    def switches(self) -> frozenset[str]:
        """The schema's switches that are on; each has the name of its setting."""
        return frozenset(n for n in ("require_comorbidities", "legacy_age") if getattr(self, n))

    @field_validator("balancers")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if names == ("all",):
            return tuple(BALANCERS)
        for name in names:
            if name not in BALANCERS:
                raise ValueError(f"{name!r} is not a balancer; {did_you_mean(name, BALANCERS)}")
        if len(set(names)) < len(names):
            raise ValueError(f"a balancer appears twice in {', '.join(names)}; name each once")
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
    """Reads settings from a YAML file, then applies `key=value` changes, then flags.

    Args:
        source: the file, or the settings of an earlier study, or None for the defaults.
        changes: such as `trials=20`, `fit.epochs=30`, `space.lr=[1e-3, 1e-2]`.
        flags: settings by name; None leaves a setting as it is.

    Raises:
        InputError: the file cannot be read, a key is unknown, or a value is out of range.
    """
    values = _read(source) if isinstance(source, Path) else dict(source or {})
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise InputError(f"--set {change}: has no '='; give key=value, such as fit.epochs=30")
        section, dot, rest = key.strip().partition(".")
        value = parse_yaml(text, f"--set {key}")
        if dot:
            inner = values.get(section) or {}
            if not isinstance(inner, dict):
                raise InputError(
                    f"--set {key}: {section} is {inner!r}, which has no keys; give {section}=VALUE"
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
    """Returns the path of a settings file: built-in, by a name such as `smoke`, or any path."""
    built_in = _BUILT_IN / f"{name}.yaml"
    return built_in if "/" not in name and built_in.is_file() else Path(name)


def _read(path: Path) -> dict[str, Any]:
    values = read_yaml(path)
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError(f"{path}: is not a list of settings; write lines such as `trials: 200`")
    return values
