"""Reads CPU seconds and memory of a program and of its child processes from /proc.

Each process has one kind: the driver, a worker, W&B's process, or the engine (every other process,
such as Ray's control plane). The use of a process between the last reading and its end is not
counted. Therefore readings are frequent.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["KINDS", "Moment", "Usage", "watch"]

KINDS = ("driver", "worker", "wandb", "engine")
_TICKS, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
_MIB = 2**20
_SLEEP = 0.1
_CHILD_OF, _USER, _SYSTEM, _RSS = 1, 11, 12, 21  # fields of /proc/PID/stat after the name


@dataclass(frozen=True)
class Moment:
    """A named moment: seconds since the start, and the CPU seconds of each kind until then."""

    seconds: float
    cpu: dict[str, float]


@dataclass
class Usage:
    """The resources that a program used.

    Attributes:
        seconds: from start to end.
        moments: when something was first seen, by name.
        cpu: CPU seconds of each kind.
        peak: MiB of the largest process of each kind.
        code: the exit code.
    """

    seconds: float = 0.0
    moments: dict[str, Moment] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))
    code: int = 0


def watch(
    command: Sequence[str],
    signs: dict[str, Callable[[], bool]],
    log: Path,
    environment: dict[str, str] | None = None,
) -> Usage:
    """Runs a program and measures it.

    Args:
        command: to run.
        signs: name of a moment -> a function that returns whether the moment has come. A moment
            between the last reading and the end counts as at the end. A moment that never comes is
            left out.
        log: where its output goes.
        environment: variables to add.
    """
    usage, awaited = Usage(), dict(signs)
    times: dict[int, tuple[str, float]] = {}
    begun = time.perf_counter()

    def note() -> None:
        for name in [name for name, seen in awaited.items() if seen()]:
            usage.moments[name] = Moment(time.perf_counter() - begun, _sums(times))
            del awaited[name]

    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - the bench's own commands
            command, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
        ended = threading.Event()
        threading.Thread(target=lambda: (process.wait(), ended.set()), daemon=True).start()
        while not ended.wait(_SLEEP):
            _look(process.pid, times, usage.peak)
            note()
    note()
    usage.seconds, usage.code = time.perf_counter() - begun, process.returncode
    usage.cpu = _sums(times)
    return usage


def _look(root: int, times: dict[int, tuple[str, float]], peak: dict[str, float]) -> None:
    """Records what each process of the tree has used until now."""
    stats = {int(path.name): _stat(path) for path in Path("/proc").glob("[0-9]*")}
    for pid, stat in stats.items():
        if stat and _belongs(pid, root, stats):
            kind = "driver" if pid == root else _kind(pid) or times.get(pid, ("engine", 0.0))[0]
            used = (int(stat[_USER]) + int(stat[_SYSTEM])) / _TICKS
            times[pid] = (kind, used)
            peak[kind] = max(peak[kind], int(stat[_RSS]) * _PAGE / _MIB)


def _stat(path: Path) -> list[str]:
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended between the listing and the reading
        return []


def _belongs(pid: int, root: int, stats: dict[int, list[str]]) -> bool:
    while pid != root:
        stat = stats.get(pid)
        if not stat:
            return False
        pid = int(stat[_CHILD_OF])
    return True


def _kind(pid: int) -> str:
    """Returns the kind of a process, or "" if it has ended and is a zombie."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
    program = line.partition("\0")[0]
    if program.endswith("/raylet") or "Agent" in program:
        return "engine"
    if program.startswith("ray::") or "default_worker.py" in line or "optuna-worker" in line:
        return "worker"
    return "wandb" if "wandb-core" in line else "engine" if line else ""


def _sums(times: dict[int, tuple[str, float]]) -> dict[str, float]:
    sums = dict.fromkeys(KINDS, 0.0)
    for kind, used in times.values():
        sums[kind] += used
    return sums
