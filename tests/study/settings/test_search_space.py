"""The configuration classes define the search space, and each point is a configuration."""

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemomodel import FitConfig
from hemomodel.balancers._base import BALANCERS
from hemomodel.domains import IntRange, LogUniform, OneOf, Uniform
from hemomodel.schema.schema import load_schema
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings

TASKS = [task.name for task in load_schema().tasks]


EVERY = sorted(BALANCERS)


def space(**values):
    return SearchSpace(Settings(**values), TASKS)


def draw(built, seed, balancers):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    return trial, built.suggest(trial, balancers)


@given(seed=st.integers(0, 10_000), name=st.sampled_from(EVERY))
@settings(max_examples=40)
def test_every_point_is_a_configuration_within_its_domains(seed, name):
    built = space(balancers=EVERY)
    trial, point = draw(built, seed, [name])
    config = built.build(point)
    assert config.balancer.name == name
    assert 1 <= len(config.hidden) <= 4
    for key, value in point.items():
        if key == "balancer":
            continue
        match built.searched(name)[key]:
            case Uniform(low, high) | LogUniform(low, high) | IntRange(low, high):
                assert low <= value <= high
            case OneOf(choices):
                assert value in choices
    assert {*trial.params, "balancer"} == set(point)
    again = built.suggest(optuna.trial.FixedTrial(trial.params), [name])
    assert again == point
    assert built.build(again) == config


@pytest.mark.parametrize("name", EVERY)
def test_a_balancer_searches_its_own_parameters_alone(name):
    keys = set(space(balancers=EVERY).searched(name))
    own = {key for key in keys if key.partition(".")[0] in BALANCERS}
    assert all(key.startswith(f"{name}.") for key in own)
    common = {
        *("lr", "batch_size", "weight_decay_epochs", "dropout", "input_noise", "linear_path"),
        *("hidden.depth", "hidden.width1"),
    }
    assert common <= keys


def test_what_each_balancer_searches():
    built = space()
    assert {"gradnorm.alpha", "gradnorm.lr"} <= set(built.searched("gradnorm"))
    assert "uncertainty.lr" in built.searched("uncertainty")
    weights = [key for key in built.searched("fixed") if key.startswith("fixed.log_weights.")]
    assert weights == [f"fixed.log_weights.{task}" for task in TASKS]


def test_only_the_widths_of_the_layers_there_are_drawn():
    for seed in range(20):
        _, point = draw(space(), seed, ["equal"])
        widths = [key for key in point if key.startswith("hidden.width")]
        assert len(widths) == point["hidden.depth"]


def test_a_joint_arm_draws_the_balancer():
    names = {draw(space(), seed, ["equal", "gradnorm"])[1]["balancer"] for seed in range(20)}
    assert names == {"equal", "gradnorm"}


def test_what_is_fixed_is_not_searched():
    fixed = {
        "lr": 0.01,
        "hidden": [64, 32, 16],
        "gradnorm.alpha": 0.16,
        "gradnorm.reference": "batch",
        "fixed.log_weights": [0.0] * 10,
        "targets": "raw",
    }
    built = space(fit=fixed)
    _, point = draw(built, 0, ["gradnorm"])
    assert not {"lr", "gradnorm.alpha"} & set(point)
    assert not [key for key in point if key.startswith("hidden")]
    config = built.build(point)
    assert (config.lr, config.hidden, config.targets) == (0.01, (64, 32, 16), "raw")
    assert (config.balancer.alpha, config.balancer.reference) == (0.16, "batch")
    assert not [key for key in built.searched("fixed") if "log_weights" in key]


def test_a_fixed_depth_decides_how_many_widths_are_drawn():
    built = space(fit={"hidden.depth": 2})
    config = built.build(draw(built, 0, ["equal"])[1])
    assert len(config.hidden) == 2


def test_ranges_can_be_narrowed():
    built = space(
        space={"lr": [1e-3, 2e-3], "hidden.width": [32], "fixed.log_weights": [-1, 1],
               "batch_size": [8, 16], "hidden.depth": [3, 3]}
    )  # fmt: skip
    found = built.searched("fixed")
    assert found["lr"] == LogUniform(1e-3, 2e-3)
    assert found["hidden.width4"] == OneOf(32)
    assert found["fixed.log_weights.calcium"] == Uniform(-1, 1)
    assert found["batch_size"] == OneOf(8, 16)
    assert built.build(draw(built, 0, ["fixed"])[1]).hidden == (32, 32, 32)


def test_defaults_stand_within_their_domains():
    """No search can find a default outside its own domain."""
    built = space(balancers=EVERY)
    for name, cls in BALANCERS.items():
        for key, domain in built.searched(name).items():
            owner, _, field = key.rpartition(".")
            default = cls() if owner == name else FitConfig()
            match key.split("."):
                case ["hidden", "depth"]:
                    value = len(FitConfig.hidden)
                case ["hidden", _] | ["fixed", "log_weights", _]:
                    continue  # widths are choices for each layer; weights have no default per task
                case _:
                    value = getattr(default, field)
            match domain:
                case Uniform(low, high) | LogUniform(low, high) | IntRange(low, high):
                    assert low <= value <= high
                case OneOf(choices):
                    assert value in choices
