"""Uploads a study that was logged offline.

`wandb sync` retries without end when the server does not answer, and exits with code 0 when an
artifact is lost or refused. Therefore this module checks the files first, stops `wandb sync` when
it makes no progress, and reads its log afterwards.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hemomodel.errors import InputError
from study.store.study_folder import StudyFolder
from study.tracking.offline_runs import OfflineRun, check_complete, offline_runs
from study.tracking.tracker import PROJECT
from study.tracking.wandb_server import Server, find_server

__all__ = ["sync_study"]

_AT_ONCE = 4


def sync_study(
    folder: StudyFolder, *, project: str = PROJECT, entity: str | None = None, timeout: float = 60
) -> str:
    """Uploads the runs of a study that have not been uploaded yet.

    It can be repeated: W&B marks the runs that it has sent, and continues an interrupted run.

    Args:
        folder: of the study.
        project: the project to upload to.
        entity: a user or a team; by default the account's own.
        timeout: seconds without progress after which the upload is stopped.

    Returns:
        one line that says what was uploaded.

    Raises:
        InputError: a run or file is missing (then nothing was sent), or the server did not accept
            everything.
    """
    runs = offline_runs(folder)
    check_complete(folder, runs)
    waiting = [run for run in runs if not run.marker.exists()]
    if not waiting:
        return f"{folder.name}: all {len(runs)} runs have been uploaded already."
    server = find_server(folder, entity, timeout)
    log = _upload(folder, waiting, server, project, timeout)
    refused = _refused(folder, log)
    left = sum(not run.marker.exists() for run in waiting)
    if refused or left:
        raise InputError(
            f"{len(waiting) - left} of {len(waiting)} runs were uploaded to {server.url}, then "
            f"{refused or f'nothing more within {timeout:g} seconds'} (see {log}); "
            "run this again later: uploaded runs are not sent again"
        )
    return (
        f"{folder.name}: {len(waiting)} runs uploaded to {server.entity}/{project} on {server.url}"
    )


def _upload(
    folder: StudyFolder, runs: Sequence[OfflineRun], server: Server, project: str, timeout: float
) -> Path:
    """Runs `wandb sync` until it ends, or until no run was completed within the timeout.

    Returns:
        its log file, or the file with its output if it wrote no log.
    """
    before = set(_logs(folder))
    output_file = folder.root / "wandb" / "sync.log"
    with output_file.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - W&B's own program
            [sys.executable, "-m", "wandb", "sync", "-n", str(_AT_ONCE), "--project", project,
             "--entity", server.entity, *(str(run.log) for run in runs)],
            cwd=folder.root, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        try:
            _wait(process, [run.marker for run in runs], timeout)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # W&B's own service is in the same group
                process.wait()
    return max(set(_logs(folder)) - before, default=output_file)


def _wait(process: "subprocess.Popen[bytes]", markers: Sequence[Path], timeout: float) -> None:
    done, moved = 0, time.monotonic()
    while process.poll() is None and time.monotonic() - moved < timeout:
        time.sleep(0.1)
        uploaded = sum(marker.exists() for marker in markers)
        if uploaded > done:
            done, moved = uploaded, time.monotonic()


def _logs(folder: StudyFolder) -> list[Path]:
    return list((folder.root / "wandb" / "logs").glob("debug-sync*.log"))


def _refused(folder: StudyFolder, log: Path) -> str:
    """Returns the first error in the log, or "". A run with an error counts as not uploaded."""
    first = ""
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        # Old servers cannot list their features; no data is lost by this.
        if entry.get("level") == "ERROR" and not entry["msg"].startswith("featurechecker"):
            first = first or " ".join(entry["msg"].split())
            if "sync_path" in entry:
                path = folder.root / entry["sync_path"]
                path.with_suffix(".wandb.synced").unlink(missing_ok=True)
    return first
