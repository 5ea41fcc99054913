"""Runs a study as a job of a Ray cluster: sends the code there and follows the job's log."""

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

# Tables of patients and their copies (`HD.csv.gz`), in upper or lower case: Ray's patterns
# distinguish the two.
TABLES = (
    *("*.[xX][lL][sS]*", "*.[oO][dD][sS]*", "*.[cC][sS][vV]*", "*.[tT][sS][vV]*"),
    "*.[pP][aA][rR][qQ][uU][eE][tT]*",
)
# Files that a study does not need, or that must not leave the machine.
EXCLUDES = (
    *("/studies/", "/wandb/", "/.venv/", "/.git", "/tests/", "/docs/", "/build/"),
    *("__pycache__/", ".*_cache/", ".hypothesis/", "*.egg-info/"),
    *TABLES,
)
_EVERY = 1.0  # seconds between two checks of a job
_PATIENCE = 90.0  # seconds to wait for the agent of a cluster that has just started
_ENDED = {"SUCCEEDED", "FAILED", "STOPPED"}


def entrypoint(out: str, name: str, rest: Sequence[str]) -> str:
    """Returns the command of a job.

    Raises:
        InputError: a path would be in the job's own folder, which is deleted when the job ends; or
            `--resume` names the study, although a job always names it with `--name`.
    """
    flags = _flags(rest)
    for flag, value in flags:
        if len(flag) > len("--") and "--resume".startswith(flag):
            raise InputError(
                f"{flag} {value}: a job resumes a study by its name; give --name {value} and the "
                "same flags as when the study started"
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
        InputError: `ray[default]` is not installed, no server answers, or the token is wrong.
    """
    try:
        from ray.exceptions import AuthenticationError  # slow
        from ray.job_submission import JobSubmissionClient  # slow, and optional
    except ImportError as error:
        raise InputError(_trouble(address, error)) from None
    logging.getLogger("ray").setLevel(logging.ERROR)  # otherwise one line per file that is left out
    try:
        return JobSubmissionClient(address)
    except (AuthenticationError, RuntimeError, ValueError, OSError) as error:
        raise InputError(_trouble(address, error)) from None


def _trouble(address: str | None, error: Exception) -> str:
    reason = first_line(error)
    where = address or "Ray's default address"
    if isinstance(error, ImportError) or "ray[default]" in reason:
        return "jobs need ray[default]; install it with `pip install 'hemomodel[cluster]'`"
    if re.search(r"uthenticat|\b40[13]\b", reason.replace(where, "")):
        return (
            f"the job server at {where} rejects the token; export RAY_AUTH_MODE=token and the "
            "RAY_AUTH_TOKEN that the cluster was started with"
        )
    return (
        f"no job server answers at {where} ({reason}); give --address http://HEAD:8265, or open a "
        "tunnel with `ssh -L 8265:127.0.0.1:8265 HEAD` and give --address http://127.0.0.1:8265"
    )


def code_to_send() -> dict[str, Any]:
    """Returns the code that is sent with a job: the checkout, or the two installed packages."""
    packages = [Path(str(resources.files(name))) for name in ("hemomodel", "study")]
    root = packages[0].parent
    if (root / "pyproject.toml").is_file():
        return {"working_dir": str(root), "excludes": list(EXCLUDES)}
    return {"py_modules": [str(path) for path in packages], "excludes": list(EXCLUDES)}


def submit(client: Any, command: str) -> str:
    """Sends the code and starts the command there. The code must not change while it is sent.

    Args:
        client: from `open_client`.
        command: from `entrypoint`.

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
            raise InputError(
                f"the job server did not accept the job ({first_line(error)}); correct this, then "
                "submit again"
            ) from None


def job_command(what: str, job: str, address: str | None) -> str:
    """Returns the shell command that does something with a job.

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
    """Passes the output of a job to `say` until the job ends.

    Args:
        client: from `open_client`.
        job: the job's id.
        say: takes the output since the last check.
        address: the address that the client was opened with.

    Returns:
        the exit code of the job's command; 1 if it has none because it was killed or never started.

    Raises:
        InputError: the job server stopped answering. The job itself may continue.
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
