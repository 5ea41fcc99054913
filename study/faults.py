"""A disk that is full, or a folder that cannot be written: the study ends in one line.

Inside Tune an error of a callback would count as the trial's. So the first one is kept, nothing
more is written after it, and the search stops; then it is raised.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from hemomodel.errors import InputError
from study.folder import Folder

__all__ = ["Fault", "one_line"]

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


class Fault:
    """The first write that failed, if any.

    Attributes:
        error: of that write.
    """

    def __init__(self) -> None:
        self.error: OSError | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keeps an error of the operating system instead of raising it."""
        try:
            yield
        except OSError as error:
            self.error = self.error or error


@contextmanager
def one_line(folder: Folder, go_on: str) -> Iterator[None]:
    """Turns an error of the disk into a sentence.

    Args:
        folder: of the study.
        go_on: the command that takes the study up again.

    Raises:
        InputError: the disk is full, or the folder cannot be written.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        cause = _of_the_disk(error, str(folder.root))
        if cause is None:
            raise
        raise InputError(
            f"{folder.root} cannot be written ({cause.strerror}); what has ended is kept: "
            f"make room or give access, then go on with {go_on}"
        ) from error


def _of_the_disk(error: BaseException | None, root: str) -> OSError | None:
    """Returns the error of the study's disk that another was raised from."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK:
            # A failed write names no file; what names one elsewhere is about something else.
            return error if root in str(error.filename or root) else None
        error = error.__cause__ or error.__context__
    return None
