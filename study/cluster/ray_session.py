"""Ray: started on this machine or joined, quietly."""

import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from hemomodel.errors import InputError
from study.cli import command_name
from study.store.failures import first_line

__all__ = ["check_paths", "check_reachable", "quiet_environment", "start_ray"]

_TRIES = 3


def quiet_environment() -> None:
    """Sets what Ray reads from the environment when it is imported."""
    defaults = {
        "RAY_AIR_NEW_OUTPUT": "0",
        "RAY_DEDUP_LOGS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_preload_python_modules": "study.search.trial",  # while the driver loads
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # nothing is ever read back from it
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def check_paths(**paths: str) -> None:
    """Refuses, inside a Ray job, what lies in the job's own folder: it is a copy that vanishes.

    Args:
        paths: the settings that are paths, by name.

    Raises:
        InputError: a path is relative, or a URL.
    """
    in_job = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
    for name, path in paths.items():
        if name == "out" and "://" in path:
            raise InputError(
                f"--out {path}: a study needs a folder whose files can be renamed and locked, so "
                "no URL will do; give a path that all nodes share, and copy the study when it ends"
            )
        if in_job and not (Path(path).is_absolute() or path.startswith("synthetic:")):
            raise InputError(
                f"--{name} {path}: a Ray job runs in a copy of the code that vanishes with it; "
                f"give --{name} an absolute path"
            )


def start_ray(address: str | None, cpus: int | None) -> None:
    """Joins a cluster, or starts Ray on this machine.

    Inside a Ray job, or where RAY_ADDRESS is set, the cluster is the one that Ray names there.

    Args:
        address: of a cluster, or None for a Ray of this process's own.
        cpus: how many the local Ray may use.

    Raises:
        InputError: there is no cluster at the address, or it lets nobody in without a token.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address == "local":
        address = None
    if address and "://" in address:
        raise InputError(
            f"--address {address}: a driver must see the study's folder, and a Ray client is away "
            "from it; start this on a node of the cluster with --address auto, or submit it as a "
            f"job with {command_name('submit')}"
        )
    import ray  # noqa: PLC0415 - a second's import, beside the reading of the cohort

    options: dict[str, Any] = (
        {"address": address} if address else {"address": "local", "num_cpus": cpus}
    )
    if address:
        check_reachable(address)
    else:
        _keep_to_loopback()
    for left in range(_TRIES - 1, -1, -1):
        try:
            with _without_stderr() if address else nullcontext():
                ray.init(
                    **options,
                    include_dashboard=None if address else False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
        except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
            ray.shutdown()
            if address:
                raise InputError(
                    f"no Ray cluster answers at {address} ({first_line(error)}); start one with "
                    "`ray start --head`, export the RAY_AUTH_MODE and RAY_AUTH_TOKEN that it was "
                    "started with, or leave --address out to run on this machine"
                ) from None
            if not left:
                raise
            time.sleep(1)  # a loaded machine can miss Ray's start-up limit
        else:
            # Ray's own handler aborts the process; ours ends it as Ctrl-C does.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            logging.getLogger("ray.tune.execution.tune_controller").addFilter(_no_lost_process)
            return


def _keep_to_loopback() -> None:
    """Makes a Ray of our own listen on this machine alone, as it does on macOS and Windows.

    Else its servers listen to the whole network. `_node_ip_address="127.0.0.1"` would not do: Ray
    turns it into the machine's own address.
    """
    from ray._private import ray_constants  # noqa: PLC0415 - Ray is imported late

    ray_constants.ENABLE_RAY_CLUSTER = False


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Drops what Ray's C++ part writes: a warning a second while a cluster does not let us in.

    What went wrong comes as an exception too.
    """
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _no_lost_process(record: logging.LogRecord) -> bool:
    """Drops Tune's traceback of a process that was lost: it holds no line of the trial's code."""
    from ray.exceptions import RayActorError  # noqa: PLC0415 - as in start_ray

    return not (record.exc_info and isinstance(record.exc_info[1], RayActorError))


_SECONDS = 10


def check_reachable(address: str) -> None:
    """Knocks once at the HOST:PORT of a cluster; `auto` is left to Ray.

    Raises:
        InputError: nobody answers in ten seconds.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:  # no answer, or no address
        raise InputError(
            f"no Ray cluster answers at {address} ({error}); start one with `ray start --head`, "
            "or leave --address out to run on this machine"
        ) from None
