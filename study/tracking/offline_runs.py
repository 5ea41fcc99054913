"""Reads the runs that a study has logged offline, without a server."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hemomodel.errors import InputError
from study.store.read_tables import read_table
from study.store.study_folder import StudyFolder
from study.tracking._wandb_internals import core_program, inspect_command, is_needed_record
from study.tracking.tracker import import_wandb

__all__ = ["OfflineRun", "check_complete", "offline_runs", "read_trials"]


@dataclass(frozen=True)
class OfflineRun:
    """One log file. A trial that was resumed has several, all with the id of its run.

    Attributes:
        log: the file.
        name: the id of the run.
        ended: whether the log has its exit record.
        files: the other files that an upload of the log needs.
    """

    log: Path
    name: str
    ended: bool
    files: tuple[Path, ...]

    @property
    def marker(self) -> Path:
        """The file that W&B writes when the run has been uploaded."""
        return self.log.with_suffix(".wandb.synced")


def offline_runs(folder: StudyFolder, *, strict: bool = True) -> list[OfflineRun]:
    """Reads the offline runs of a study, oldest first; only the names of those already uploaded.

    Args:
        folder: of the study.
        strict: refuse a log that cannot be read; otherwise it counts as a log without an end.

    Raises:
        InputError: a log cannot be read.
    """
    logs = sorted((folder.root / "wandb").glob("offline-run-*/run-*.wandb"))
    import_wandb(folder)
    core = core_program()
    runs = [OfflineRun(log, log.stem.removeprefix("run-"), ended=True, files=()) for log in logs]

    def read(run: OfflineRun) -> OfflineRun:
        return run if run.marker.exists() else _read(run, core, strict=strict)

    with ThreadPoolExecutor() as readers:  # each starts a program and waits for it
        return list(readers.map(read, runs))


def _read(run: OfflineRun, core: str, *, strict: bool) -> OfflineRun:
    log = run.log
    shown = subprocess.run(  # noqa: S603 - W&B's own program
        inspect_command(core, log), capture_output=True, text=True, check=False
    )
    if shown.returncode and strict:
        raise InputError(
            f"{log} cannot be read as a W&B log ({shown.stderr.strip()}); "
            "restore it from a copy of the study"
        )
    records = [json.loads(line) for line in shown.stdout.splitlines() if is_needed_record(line)]
    return OfflineRun(
        log=log,
        name=run.name,
        ended=any(record["type"] == "exit" for record in records),
        files=tuple(path for record in records for path in _files(record, log.parent)),
    )


def _files(record: dict[str, Any], place: Path) -> Iterator[Path]:
    """Yields the files of one record: artifacts have absolute paths, others are next to the log."""
    if record["type"] == "artifact":
        for entry in record["artifact"].get("manifest", {}).get("contents", []):
            if "local_path" in entry:
                yield Path(entry["local_path"])
    elif record["type"] == "files":
        for entry in record["files"].get("files", []):
            yield place / "files" / entry["path"]


def read_trials(folder: StudyFolder) -> pd.DataFrame:
    """Reads the table of a study's trials.

    Raises:
        InputError: the folder is not a study, or the study was not logged to W&B.
    """
    path = folder.root / "trials.parquet"
    if not path.exists():
        raise InputError(
            f"{folder.root} is not a study: it has no trials.parquet; give the folder of a study"
        )
    trials = read_table(path, ("wandb_id",))
    if not (trials["wandb_id"] != "").any():
        raise InputError(
            f"no trial of {folder.name} was logged to W&B (--wandb disabled); "
            "run a study with --wandb offline"
        )
    return trials


def check_complete(folder: StudyFolder, runs: Sequence[OfflineRun]) -> None:
    """Checks that all runs and files to upload exist.

    Raises:
        InputError: a run or a file is missing, or a log is truncated.
    """
    trials = read_trials(folder)
    name = study_name(trials)
    online = (folder.root / "wandb").glob("run-*/run-*.wandb")
    last = {run.name: run for run in runs}
    known = set(last) | {log.stem.removeprefix("run-") for log in online}
    wanted = trials.loc[trials["state"] != "unfinished", "wandb_id"]
    lost = trials.loc[wanted.index[~wanted.isin(known)], "number"]
    if len(lost):
        raise InputError(
            f"the W&B runs of {_count(lost, 'trial')} are missing in {folder.root / 'wandb'}; "
            "restore the folder from a copy"
        )
    if f"{name}-study" not in known:
        raise InputError(
            f"the run of the study itself, {name}-study, is missing: the study has not ended; "
            f"resume it first ({folder.resume_command()})"
        )
    cut = [run.name for run in last.values() if not run.ended]
    if cut:
        raise InputError(
            f"the log of {_count(cut, 'run')} is truncated because its process was killed; "
            f"resume the study first ({folder.resume_command()})"
        )
    gone = [path for run in runs for path in run.files if not path.is_file()]
    if gone:
        raise InputError(
            f"{len(gone)} of the files to upload are missing, first {gone[0]}; if the study was "
            "moved, move it back there: W&B stores absolute paths"
        )


def study_name(trials: pd.DataFrame) -> str:
    """Returns the name that the study was run under. Its folder may have another name now."""
    return str(trials.loc[trials["wandb_id"] != "", "wandb_id"].iloc[0]).rpartition("-")[0]


def _count(things: Sequence[Any] | pd.Series, word: str) -> str:
    """Returns `trial 3`, or `3 trials (1, 2, 5)`."""
    values = [str(value) for value in things]
    if len(values) == 1:
        return f"{word} {values[0]}"
    shown = ", ".join(values[:5]) + (", ..." if len(values) > 5 else "")  # noqa: PLR2004 - enough
    return f"{len(values)} {word}s ({shown})"
