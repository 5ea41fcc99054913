"""Ray and Tune still have the internals that a study uses beyond the public API."""

import importlib
from pathlib import Path

import pytest
import ray
from ray._private import ray_constants
from ray._private.runtime_env import constants
from ray._private.services import get_node_ip_address
from ray.tune.experiment import Trial

from study.cluster._ray_internals import (
    CONTROLLER_LOGGER,
    NO_AGENT,
    SNAPSHOT_LOGGERS,
    in_job,
    keep_to_loopback,
    release_trial,
)


def test_a_ray_of_our_own_has_the_address_that_only_this_machine_sees(monkeypatch):
    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", ray_constants.ENABLE_RAY_CLUSTER)
    keep_to_loopback()
    assert get_node_ip_address() == "127.0.0.1"


def test_a_job_is_known_by_the_variable_that_ray_sets(monkeypatch):
    assert not in_job()
    monkeypatch.setenv(constants.RAY_JOB_CONFIG_JSON_ENV_VAR, "{}")
    assert in_job()


@pytest.mark.parametrize("name", [CONTROLLER_LOGGER, *SNAPSHOT_LOGGERS])
def test_a_module_of_tune_logs_under_its_own_name(name):
    assert importlib.import_module(name).logger.name == name


def test_the_job_server_says_that_it_has_no_agent_yet():
    server = Path(ray.__file__).parent / "dashboard" / "modules" / "job" / "job_head.py"
    assert NO_AGENT in server.read_text(encoding="utf-8")


def ended_trial(number):
    trial = Trial("stub", config={"number": number}, stub=True)
    trial.update_last_result({"score": 0.1, "done": True, "training_iteration": 1})
    return trial


@pytest.mark.parametrize(
    "name",
    [
        *("config", "_Trial__unresolved_config", "evaluated_params", "experiment_tag"),
        *("_default_result_or_future", "run_metadata", "storage", "placement_group_factory"),
    ],
)
def test_a_trial_of_tune_keeps(name):
    assert hasattr(ended_trial(0), name)


@pytest.mark.parametrize("name", ["last_result", "metric_analysis", "metric_n_steps"])
def test_what_a_trial_of_tune_reported_is_kept_as(name):
    assert getattr(ended_trial(0).run_metadata, name)


def test_a_trial_that_is_released_is_empty_and_shares_the_rest_with_the_first():
    first, second = ended_trial(0), ended_trial(1)
    for trial in (first, second):
        release_trial(trial, first)
    assert second.config == {}
    assert second.run_metadata is first.run_metadata
    assert not first.run_metadata.metric_analysis
    assert set(second.last_result) <= {"trial_id"}
