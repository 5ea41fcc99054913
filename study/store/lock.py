"""The lock that allows only one process at a time on a study."""

import errno
import os
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from hemomodel.errors import InputError

__all__ = ["StudyLock"]

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP}  # some network file systems have no locks


class StudyLock:
    """A lock of the operating system on `study.lock` in the study's folder.

    The system releases it when the process ends, also after a crash. Child processes do not
    inherit it. On a file system without locks nothing is locked.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / "study.lock"
        # A soft lock is a file that would remain after its process is killed.
        self._lock = FileLock(self._path, thread_local=False, fallback_to_soft=False)

    def __enter__(self) -> Self:
        if self._path.parent.is_dir():
            self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def take(self) -> None:
        """Takes the lock, unless this object already holds it; the study's folder must exist.

        Raises:
            InputError: another process holds it.
        """
        if self._lock.is_locked:
            return
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            owner = self._path.read_text(encoding="utf-8").strip() or "unknown"
            raise InputError(
                f"another process (id {owner}) is using {self._path.parent}; "
                "wait until it has ended, or choose another --name"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        self._path.write_text(f"{os.getpid()}\n", encoding="utf-8")
