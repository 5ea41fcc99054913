"""Starts Ray on this machine or joins a cluster, without its usual output."""

import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from typing import Any

from hemomodel.errors import InputError
from study.cli import command_name
from study.cluster._ray_internals import CONTROLLER_LOGGER, in_job, keep_to_loopback
from study.settings.data_source import DataSource
from study.store.failures import first_line

__all__ = ["check_paths", "check_reachable", "quiet_environment", "start_ray"]

_TRIES = 3


def quiet_environment() -> None:
    """Sets the environment variables that Ray reads when it is imported."""
    defaults = {
        "RAY_AIR_NEW_OUTPUT": "0",
        "RAY_DEDUP_LOGS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_prestart_worker_first_driver": "0",  # no trial or task uses those workers
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # nothing reads this snapshot
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def check_paths(out: str, data: DataSource | None, *, job: bool | None = None) -> None:
    """Refuses paths that a study cannot use: a URL, and in a job a path in the job's own folder.

    Args:
        out: the folder of the studies.
        data: where the rows come from; None if that is not known here.
        job: whether the study runs as a Ray job; None means: if this process does.

    Raises:
        InputError: a path is a URL, or in a job not absolute.
    """
    if "://" in out:
        raise InputError(
            f"--out {out}: a study renames and locks files, so its folder cannot be a URL; "
            "give a path that all nodes share, and copy the study when it ends"
        )
    if not (in_job() if job is None else job):
        return
    paths = {"--out": out} | ({"--data": data.text} if data and data.kind == "file" else {})
    for flag, path in paths.items():
        if not PurePosixPath(path).is_absolute():
            raise InputError(
                f"{flag} {path}: a job runs in a copy of the code that is deleted afterwards; "
                f"give {flag} an absolute path on the cluster's nodes"
            )


def start_ray(address: str | None, cpus: int | None) -> None:
    """Joins a cluster, or starts Ray on this machine.

    Inside a Ray job, or if RAY_ADDRESS is set, it joins the cluster that RAY_ADDRESS names.

    Args:
        address: of a cluster; None for the Ray of this process, started if there is none.
        cpus: how many CPUs the local Ray may use.

    Raises:
        InputError: no cluster answers at the address, or it requires a token.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address == "local":
        address = None
    if address and "://" in address:
        raise InputError(
            f"--address {address}: the driver must see the study's folder, and a Ray client runs "
            "outside the cluster; run this on a node of the cluster with --address auto, or submit "
            f"it as a job with {command_name('submit')}"
        )
    import ray  # the import takes about a second

    if address is None and ray.is_initialized():
        return  # this process has a Ray already

    options: dict[str, Any] = (
        {"address": address} if address else {"address": "local", "num_cpus": cpus}
    )
    if address:
        check_reachable(address)
    else:
        keep_to_loopback()
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
            time.sleep(1)  # a busy machine can exceed Ray's start-up limit
        else:
            # Ray's handler aborts the process; this one ends it as Ctrl-C does.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            logging.getLogger(CONTROLLER_LOGGER).addFilter(_no_lost_process)
            return


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Discards the output of Ray's C++ code: a warning per second after a refused token.

    The reason is also raised as an exception.
    """
    stderr = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _no_lost_process(record: logging.LogRecord) -> bool:
    """Drops Tune's traceback of a lost process: it contains no line of the trial's code."""
    from ray.exceptions import RayActorError  # as in start_ray

    return not (record.exc_info and isinstance(record.exc_info[1], RayActorError))


_SECONDS = 10


def check_reachable(address: str) -> None:
    """Opens one connection to the HOST:PORT of a cluster; `auto` is left to Ray.

    Raises:
        InputError: nothing answers within ten seconds.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:  # no answer, or not an address
        raise InputError(
            f"no Ray cluster answers at {address} ({error}); start one with `ray start --head`, "
            "or leave --address out to run on this machine"
        ) from None
