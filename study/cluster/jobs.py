"""A study as a job of a Ray cluster: the code is sent there, and its log is followed."""

import logging
import re
import shlex
import time
from collections.abc import Callable, Sequence
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from hemomodel.errors import InputError
from study.cluster._ray_internals import NO_AGENT
from study.cluster.ray_session import check_paths
from study.settings.data_source import DataSource
from study.store.failures import first_line

__all__ = [
    "EXCLUDES",
    "TABLES",
    "code_to_send",
    "entrypoint",
    "follow",
    "job_command",
    "open_client",
    "submit",
]

# Tables of patients, in whatever case, and their copies (`HD.csv.gz`): Ray minds the case.
TABLES = (
    *("*.[xX][lL][sS]*", "*.[oO][dD][sS]*", "*.[cC][sS][vV]*", "*.[tT][sS][vV]*"),
    "*.[pP][aA][rR][qQ][uU][eE][tT]*",
)
# What a study does not need, or must not leave the machine.
EXCLUDES = (
    *("/studies/", "/wandb/", "/.venv/", "/.git", "/tests/", "/docs/", "/build/"),
    *("__pycache__/", ".*_cache/", ".hypothesis/", "*.egg-info/"),
    *TABLES,
)
_EVERY = 1.0  # seconds between two looks at a job
_PATIENCE = 90.0  # seconds for the agent of a cluster that has just started
_ENDED = {"SUCCEEDED", "FAILED", "STOPPED"}


def entrypoint(out: str, name: str, rest: Sequence[str]) -> str:
    """Returns the command of a job.

    Raises:
        InputError: a path would lie in the job's own folder, which vanishes; or the study is named
            by `--resume`, beside the name that a job always has.
    """
    flags = _flags(rest)
    for flag, value in flags:
        if len(flag) > len("--") and "--resume".startswith(flag):
            raise InputError(
                f"{flag} {value}: a job goes on with a study by its name; give --name {value} and "
                "the same flags as when it began"
            )
    data = dict(flags).get("--data")
    check_paths(out, None if data is None else DataSource.parse(data), job=True)
    program = ["python", "-m", "study.pipeline.commands.search"]
    return shlex.join([*program, "--out", out, "--name", name, *rest])


def _flags(words: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the flags with their values, given as `--flag value` or `--flag=value`."""
    joined = [tuple(word.split("=", 1)) for word in words if word.startswith("--") and "=" in word]
    return [*pairwise(words), *((flag, value) for flag, value in joined)]


def open_client(address: str | None) -> Any:
    """Connects to the job server.

    Raises:
        InputError: `ray[default]` is not installed, nobody answers, or the token is not right.
    """
    try:
        from ray.exceptions import AuthenticationError  # slow
        from ray.job_submission import JobSubmissionClient  # slow, and optional
    except ImportError as error:
        raise InputError(_trouble(address, error)) from None
    logging.getLogger("ray").setLevel(logging.ERROR)  # else a line a file that it leaves out
    try:
        return JobSubmissionClient(address)
    except (AuthenticationError, RuntimeError, ValueError, OSError) as error:
        raise InputError(_trouble(address, error)) from None


def _trouble(address: str | None, error: Exception) -> str:
    reason = first_line(error)
    where = address or "the address that Ray knows"
    if isinstance(error, ImportError) or "ray[default]" in reason:
        return "jobs need more of Ray: pip install 'hemomodel[cluster]'"
    if re.search(r"uthenticat|\b40[13]\b", reason.replace(where, "")):
        return (
            f"the job server at {where} asks for another token; export RAY_AUTH_MODE=token and the "
            "RAY_AUTH_TOKEN that the cluster was started with"
        )
    return (
        f"no job server answers at {where} ({reason}); give --address http://HEAD:8265, through a "
        "tunnel if need be: ssh -L 8265:127.0.0.1:8265 HEAD"
    )


def code_to_send() -> dict[str, Any]:
    """Returns what of the code goes with a job: the checkout, or the two installed packages."""
    packages = [Path(str(resources.files(name))) for name in ("hemomodel", "study")]
    root = packages[0].parent
    if (root / "pyproject.toml").is_file():
        return {"working_dir": str(root), "excludes": list(EXCLUDES)}
    return {"py_modules": [str(path) for path in packages], "excludes": list(EXCLUDES)}


def submit(client: Any, command: str) -> str:
    """Sends the code and starts the command there; the code must not change while it is sent.

    Args:
        client: see `open_client`.
        command: see `entrypoint`.

    Returns:
        the job's id.

    Raises:
        InputError: the code cannot be sent.
    """
    packed = code_to_send()
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return str(client.submit_job(entrypoint=command, runtime_env=packed))
        except (RuntimeError, ValueError, OSError) as error:
            if NO_AGENT in str(error) and time.monotonic() < end:
                time.sleep(_EVERY)
                continue
            raise InputError(f"the job was not taken ({first_line(error)})") from None


def job_command(what: str, job: str, address: str | None) -> str:
    """Returns the command that does something with a job.

    >>> job_command("stop", "raysubmit_1", "http://head:8265")
    'ray job stop --address http://head:8265 raysubmit_1'
    """
    where = ["--address", address] if address else []
    return shlex.join(["ray", "job", *what.split(), *where, job])


def follow(
    client: Any,
    job: str,
    say: Callable[[str], None],
    address: str | None = None,
) -> int:
    """Passes on what a job prints until it ends.

    Args:
        client: see `open_client`.
        job: its id.
        say: takes what was printed since the last look.
        address: that the client was opened with.

    Returns:
        the exit code of its command; 1 if it has none because it was killed or never started.

    Raises:
        InputError: the job server went away; the job itself may well go on.
    """
    shown = 0
    try:
        while True:
            info = client.get_job_info(job)
            log = client.get_job_logs(job)
            say(log[shown:])
            shown = len(log)
            if str(info.status) in _ENDED:
                break
            time.sleep(_EVERY)
    except (RuntimeError, OSError) as error:
        raise InputError(
            f"the job server no longer answers ({first_line(error)}); follow again with "
            f"`{job_command('logs -f', job, address)}`"
        ) from None
    if info.driver_exit_code is None:
        say(f"{info.message}\n")
    return 1 if info.driver_exit_code is None else int(info.driver_exit_code)
