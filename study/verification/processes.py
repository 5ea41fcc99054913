"""Reads from /proc which processes run on this machine, and sends them signals."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

__all__ = ["children_of", "is_alive", "kill", "process_stat"]

_STATE, _PARENT, _START = 0, 1, 19  # fields of /proc/PID/stat after the name


def process_stat(pid: int) -> list[str]:
    """Returns the fields of /proc/PID/stat after the name. The name may contain spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def is_alive(pid: int, start: str) -> bool:
    """Returns whether the process still runs. A zombie or a later process with its id does not."""
    try:
        fields = process_stat(pid)
    except OSError:
        return False
    return fields[_STATE] != "Z" and fields[_START] == start


def children_of(pid: int) -> dict[int, tuple[str, str]]:
    """Returns all descendants of a process: id -> (start, command line)."""
    processes = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = process_stat(int(entry.name))
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        processes[int(entry.name)] = (int(fields[_PARENT]), fields[_START], line)
    children: dict[int, tuple[str, str]] = {}
    parents = {pid}
    while parents:
        parents = {child for child, (parent, *_) in processes.items() if parent in parents}
        children |= {child: processes[child][1:] for child in parents}
    return children


def kill(pids: Iterable[int], number: int = signal.SIGKILL) -> None:
    """Sends a signal to those processes that still exist."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
