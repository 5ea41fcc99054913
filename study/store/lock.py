"""One process at a time on a study."""

import errno
import fcntl
import os
from pathlib import Path
from typing import IO, Self

from hemomodel.errors import InputError

__all__ = ["StudyLock"]

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP}  # some network file systems have none to give


class StudyLock:
    """A lock of the operating system on a file in the study's folder.

    It goes with the process, however that ends. Programs that the process starts do not inherit
    it: Python closes its files in them.
    """

    def __init__(self, root: Path) -> None:
        self._path, self._file = root / "study.lock", None

    _file: IO[str] | None

    def __enter__(self) -> Self:
        if self._path.parent.is_dir():
            self.take()
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def take(self) -> None:
        """Takes the lock, unless it is held already; the study's folder must be there.

        Raises:
            InputError: another process holds it.
        """
        if self._file is not None:
            return
        file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise InputError(
                f"another process (id {owner}) is at work on {self._path.parent}; "
                "wait until it has ended, or choose another --name"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file
