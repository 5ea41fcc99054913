"""Repairs Optuna's journal after a crash: removes an incomplete last line and a stale lock.

Both are safe only for the process that holds the study's lock.
"""

import json
import os
from pathlib import Path

from hemomodel.errors import InputError

__all__ = ["repair_journal"]


def repair_journal(path: Path) -> str:
    """Makes a journal readable after a killed process or a full disk.

    The removed line is kept beside it, in `study.journal.cut`. A trial that loses its end this way
    is run again, with the same result.

    Args:
        path: of the journal; it may be absent.

    Returns:
        what was removed, in a sentence, or "".

    Raises:
        InputError: a line that is not the last cannot be read.
    """
    Path(f"{path}.lock").unlink(missing_ok=True)  # Optuna would wait 30 s for an ended process
    if not path.exists():
        return ""
    whole, count = 0, 0
    with path.open("rb") as file:
        for line in file:
            count += 1
            if not _is_record(line):
                rest = line + file.read()
                break
            whole += len(line)
        else:
            return ""
    if rest != line:
        raise InputError(
            f"{path}: line {count} is damaged, and other lines follow it; "
            "restore the file from a copy of the study"
        )
    return _cut(path, whole, rest)


def _is_record(line: bytes) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return line.endswith(b"\n") and isinstance(record, dict) and "op_code" in record


def _cut(path: Path, whole: int, rest: bytes) -> str:
    copy = Path(f"{path}.cut")
    with copy.open("ab") as file:
        file.write(rest.removesuffix(b"\n") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    with path.open("r+b") as file:
        file.truncate(whole)
        os.fsync(file.fileno())
    return (
        f"the last line of {path.name} was incomplete ({len(rest)} bytes); "
        f"it was removed and is kept in {copy.name}"
    )
