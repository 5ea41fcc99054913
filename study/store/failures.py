"""A full disk, a folder that cannot be written, no memory left: the study ends in one line.

Inside Tune an error of a callback would count as the trial's. So the first error is stored, nothing
is written after it, and the search stops; then the error is raised.
"""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

from hemomodel.errors import InputError
from study.store.study_folder import StudyFolder

__all__ = ["StudyFailure", "as_input_error", "causes", "first_line"]

P = ParamSpec("P")

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


class StudyFailure:
    """The first write that failed, if any. After it no more is written.

    Attributes:
        error: of that write, or None.
    """

    def __init__(self, kinds: tuple[type[Exception], ...] = (OSError,)) -> None:
        """Takes what a write fails with, on the disk or in the study's database."""
        self.error: Exception | None = None
        self._kinds = kinds

    @contextmanager
    def capture(self) -> Iterator[None]:
        """Keeps such an error instead of raising it."""
        try:
            yield
        except self._kinds as error:
            self.error = self.error or error

    def attempt(self, write: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Calls a function that writes, unless a write has failed before; stores its error."""
        if self.error is None:
            with self.capture():
                write(*args, **kwargs)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and those that it was raised from, or beside."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def first_line(error: Exception) -> str:
    """Returns the first line of an error's text, or its kind if it has none."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


@contextmanager
def as_input_error(folder: StudyFolder, resume_command: str) -> Iterator[None]:
    """Turns an error of the disk, or of the memory, into a sentence.

    Args:
        folder: of the study.
        resume_command: the command that takes the study up again.

    Raises:
        InputError: the disk is full, the folder cannot be written, or Ray ended workers because
            memory ran low, which Tune does not survive.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if _of_the_memory(error):
            raise InputError(
                "memory ran low, and Ray ended trials to save the machine; what has ended is kept: "
                "close other programs, or train fewer at once with --max-concurrent, then go on "
                f"with {resume_command}"
            ) from error
        cause = _of_the_disk(error, str(folder.root))
        if cause is None:
            raise
        raise InputError(
            f"{folder.root} cannot be written ({cause.strerror}); what has ended is kept: "
            f"make room or give access, then go on with {resume_command}"
        ) from error


def _of_the_memory(error: Exception) -> bool:
    from ray.exceptions import OutOfMemoryError  # no study needs Ray to begin

    return any(isinstance(cause, OutOfMemoryError) for cause in causes(error))


def _of_the_disk(error: Exception, root: str) -> OSError | None:
    """Returns the error of the study's disk that another was raised from."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno in _DISK:
            # A failed write names no file; what names one elsewhere is about something else.
            return cause if root in str(cause.filename or root) else None
    return None
