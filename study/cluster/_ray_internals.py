"""What a study needs of Ray and Tune beyond what they promise, in one place.

An upgrade of Ray may change any of it: tests/study/cluster/test_ray_internals.py then fails.
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

NO_AGENT = "No available agent"  # a job server's answer while the cluster starts
CONTROLLER_LOGGER = "ray.tune.execution.tune_controller"
SNAPSHOT_LOGGERS = ("ray.tune.tune", "ray.tune.execution.experiment_state")


def in_job() -> bool:
    """Returns whether this process is the driver of a Ray job."""
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ


def keep_to_loopback() -> None:
    """Makes a Ray of our own listen on this machine alone, as it does on macOS and Windows.

    Else its servers listen to the whole network. `_node_ip_address="127.0.0.1"` would not do: Ray
    turns it into the machine's own address.
    """
    from ray._private import ray_constants

    ray_constants.ENABLE_RAY_CLUSTER = False


def release_trial(trial: "Trial", first: "Trial") -> None:
    """Frees the memory that Tune holds for a trial that has ended.

    Tune keeps every trial to the end of the search and reads little of those that have ended.

    Args:
        trial: it has ended.
        first: the first one that ended; what Tune may still read is shared with it.
    """
    trial.config = trial._Trial__unresolved_config = {}  # noqa: SLF001 - a copy that it keeps
    trial.evaluated_params, trial.experiment_tag = {}, ""
    trial._default_result_or_future = None  # noqa: SLF001 - an object in Ray's store
    first.run_metadata.last_result = {}
    first.run_metadata.metric_analysis.clear()
    first.run_metadata.metric_n_steps.clear()
    trial.run_metadata, trial.storage = first.run_metadata, first.storage
    trial.placement_group_factory = first.placement_group_factory
