"""Causes the failures that a study must survive, in real studies.

`FAILURES` has them by name. Each starts a study, makes it fail at random moments, and resumes it
until it ends. `aftermath.py` then compares it with an undisturbed study.
"""

import errno
import random
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from hemomodel.errors import InputError
from study.cli import BAD_INPUT
from study.verification.interruptions import (
    InterruptedStudy,
    Interruption,
    kill_children,
    leave_half_line,
    send_signal,
)

__all__ = ["FAILURES", "ImpossibleFailureError", "run_undisturbed"]


class ImpossibleFailureError(Exception):
    """A failure that cannot be caused on this machine."""


def run_undisturbed(out: Path, trials: int, *, keep: bool) -> Path:
    """Returns the folder of a study without any failure.

    Args:
        out: folder of the studies.
        trials: number of trials of the study.
        keep: use the study that an earlier run left in `out`.

    Raises:
        InputError: the study has no comparison, so other studies cannot be compared with it.
    """
    with InterruptedStudy(out, "undisturbed", trials) as study:
        code = 0 if keep else study.wait(study.start())
    if code or not (study.folder / "comparison.json").exists():
        raise InputError(
            f"the undisturbed study in {study.folder} has no comparison; its output is in "
            f"{out / 'undisturbed.log'}; run it again without --keep"
        )
    return study.folder


def _kill_driver(study: InterruptedStudy, moments: random.Random, times: int) -> None:
    """Kills the driver of a study `times` times, or until the study ends."""
    _repeat(study, moments, times, send_signal(signal.SIGKILL, starting=0.25))


def _terminate_driver(study: InterruptedStudy, moments: random.Random, _: int) -> None:
    """Sends SIGTERM to the driver, twice."""
    _repeat(study, moments, 2, send_signal(signal.SIGTERM))


def _press_ctrl_c(study: InterruptedStudy, moments: random.Random, _: int) -> None:
    """Sends SIGINT to the entire process group, as Ctrl-C in a terminal does, twice."""
    _repeat(study, moments, 2, send_signal(signal.SIGINT, group=True))


def _kill_workers(study: InterruptedStudy, moments: random.Random, times: int) -> None:
    """Kills Ray's workers in a running study, one after another."""
    process = study.start()
    kill_children(study, process, "ray::ResourceTrainable", moments, times)
    study.wait(process)


def _kill_wandb(study: InterruptedStudy, moments: random.Random, _: int) -> None:
    """Kills W&B's process three times in a running study."""
    process = study.start()
    kill_children(study, process, "wandb-core", moments, 3)
    study.wait(process)


def _damage_journal(study: InterruptedStudy, moments: random.Random, _: int) -> None:
    """Kills the driver; leaves half a line at the journal's end and a lock without an owner."""
    process = study.start()
    study.interruptions += send_signal(signal.SIGKILL)(study, process, moments)
    study.wait(process)
    leave_half_line(study)
    Path(f"{study.journal}.lock").symlink_to(study.journal)
    study.wait(study.start())


def _fill_disk(study: InterruptedStudy, _: random.Random, __: int) -> None:
    """Fills the disk during the search, then frees the space."""
    study.folder.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", "size=30m", "tmpfs", study.folder)
    study.cleanup.callback(_unmount, study.folder)
    process = study.start()
    study.wait_for_search(process)
    ballast = study.folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    # It counts only if it ended the study with the exit code of an error message.
    study.interruptions = int(study.wait(process) == BAD_INPUT)
    ballast.unlink()
    study.wait(study.start())


def _make_read_only(study: InterruptedStudy, _: random.Random, __: int) -> None:
    """Makes the folder read-only during the search, then writable again."""
    process = study.start()
    study.wait_for_search(process)
    _mount("--bind", study.folder, study.folder)  # a disk with open files cannot be remounted
    with ExitStack() as mounted:
        mounted.callback(_run, "umount", study.folder)
        _mount("-o", "remount,bind,ro", study.folder)
        study.interruptions = int(study.wait(process) == BAD_INPUT)
    study.wait(study.start())


FAILURES: dict[str, Callable[[InterruptedStudy, random.Random, int], None]] = {
    "driver": _kill_driver,
    "worker": _kill_workers,
    "sigterm": _terminate_driver,
    "ctrl-c": _press_ctrl_c,
    "journal": _damage_journal,
    "wandb": _kill_wandb,
    "disk": _fill_disk,
    "readonly": _make_read_only,
}


def _repeat(
    study: InterruptedStudy, moments: random.Random, times: int, interrupt: Interruption
) -> None:
    """Starts and interrupts a study `times` times or until it ends, then lets it end."""
    while study.interruptions < times:
        process = study.start()
        study.interruptions += interrupt(study, process, moments)
        if study.wait(process) == 0:
            return
    study.wait(study.start())


def _mount(*words: object) -> None:
    try:
        _run("mount", *words)
    except subprocess.CalledProcessError as error:
        raise ImpossibleFailureError(
            f"this machine refuses to mount a disk ({error.stderr.strip()})"
        ) from None


def _run(*words: object) -> None:
    subprocess.run(  # noqa: S603 - a mount of the study's folder
        [*map(str, words)], capture_output=True, text=True, check=True
    )


def _unmount(folder: Path) -> None:
    """Unmounts the disk. Its files are kept in the folder that it was mounted over."""
    copy = shutil.copytree(folder, folder.with_name(f"{folder.name}.kept"), symlinks=True)
    _run("umount", folder)
    folder.rmdir()
    copy.rename(folder)
