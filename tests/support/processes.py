"""Processes of this machine, as /proc tells of them, and a port that nobody listens on."""

import os
import signal
import socket
from collections.abc import Iterable
from pathlib import Path

_STATE, _PARENT, _START = 0, 1, 19  # of /proc/PID/stat, after the name


def stat(pid: int) -> list[str]:
    """Returns what /proc/PID/stat holds after the name, which may hold spaces itself."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def alive(pid: int, start: str) -> bool:
    """Tells a live process from a zombie, and from another one that got its id since."""
    try:
        found = stat(pid)
    except OSError:
        return False
    return found[_STATE] != "Z" and found[_START] == start


def below(pid: int) -> dict[int, tuple[str, str]]:
    """Returns the processes that a process started, and theirs: id -> (start, command line)."""
    every = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = stat(int(entry.name))
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        every[int(entry.name)] = (int(told[_PARENT]), told[_START], line)
    found, parents = {}, {pid}
    while parents:
        parents = {child for child, (parent, *_) in every.items() if parent in parents}
        found |= {child: every[child][1:] for child in parents}
    return found


def kill(pids: Iterable[int], number: int = signal.SIGKILL) -> None:
    """Sends a signal to those that are still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def free_port() -> int:
    """Returns a port of this machine that is free now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
