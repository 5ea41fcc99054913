"""Everything that a study uses of Ray and Tune beyond their public interface, in one place.

An upgrade of Ray may change any of it. tests/study/cluster/test_ray_internals.py then fails.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Ray is imported late
    from ray.tune.experiment import Trial

__all__ = [
    "CONTROLLER_LOGGER",
    "NO_AGENT",
    "SNAPSHOT_LOGGERS",
    "in_job",
    "keep_to_loopback",
    "release_trial",
]

NO_AGENT = "No available agent"  # the job server's answer while the cluster starts
CONTROLLER_LOGGER = "ray.tune.execution.tune_controller"
SNAPSHOT_LOGGERS = ("ray.tune.tune", "ray.tune.execution.experiment_state")


def in_job() -> bool:
    """Returns whether this process is the driver of a Ray job."""
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ


def keep_to_loopback() -> None:
    """Makes a local Ray listen on the loopback address only, as it does on macOS and Windows.

    Without this its servers listen on all networks of the machine. The option
    `_node_ip_address="127.0.0.1"` does not help: Ray replaces it with the machine's own address.
    """
    from ray._private import ray_constants

    ray_constants.ENABLE_RAY_CLUSTER = False


def release_trial(trial: "Trial", first: "Trial") -> None:
    """Frees the memory that Tune holds for a trial that has ended.

    Tune keeps every trial until the search ends, and reads little of the trials that have ended.

    Args:
        trial: a trial that has ended.
        first: the first trial that ended. All later ones share the data that Tune may still read
            with it.
    """
    trial.config = trial._Trial__unresolved_config = {}  # noqa: SLF001 - a copy that Tune keeps
    trial.evaluated_params, trial.experiment_tag = {}, ""
    trial._default_result_or_future = None  # noqa: SLF001 - an object in Ray's store
    first.run_metadata.last_result = {}
    first.run_metadata.metric_analysis.clear()
    first.run_metadata.metric_n_steps.clear()
    trial.run_metadata, trial.storage = first.run_metadata, first.storage
    trial.placement_group_factory = first.placement_group_factory
