"""Ends a study with a one-line error if the disk is full, not writable, or memory runs low.

Tune would count an error of a callback as a failure of the trial. Therefore the first error is
stored, nothing is written after it, and the search stops. Then the error is raised.
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
    """The first write that failed, if any. Nothing is written after it.

    Attributes:
        error: the error of that write, or None.
    """

    def __init__(self, kinds: tuple[type[Exception], ...] = (OSError,)) -> None:
        """Takes the error classes of a failed write, on the disk or in the study's database."""
        self.error: Exception | None = None
        self._kinds = kinds

    @contextmanager
    def capture(self) -> Iterator[None]:
        """Stores an error of these classes instead of raising it."""
        try:
            yield
        except self._kinds as error:
            self.error = self.error or error

    def attempt(self, write: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Calls a function that writes and stores its error; skips it after a failed write."""
        if self.error is None:
            with self.capture():
                write(*args, **kwargs)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error, then its cause or context, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def first_line(error: Exception) -> str:
    """Returns the first line of an error's text, or its class name if it has no text."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


@contextmanager
def as_input_error(folder: StudyFolder, resume_command: str) -> Iterator[None]:
    """Turns an error of the disk or of the memory into a one-line message.

    Args:
        folder: of the study.
        resume_command: the command that resumes the study.

    Raises:
        InputError: the disk is full, the folder cannot be written, or Ray ended workers because
            memory ran low, which also ends Tune.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if _of_the_memory(error):
            raise InputError(
                "memory ran low, and Ray ended trials to protect the machine; finished trials are "
                "kept; run fewer trials simultaneously with --max-concurrent, or close other "
                f"programs, then resume with {resume_command}"
            ) from error
        cause = _of_the_disk(error, str(folder.root))
        if cause is None:
            raise
        raise InputError(
            f"{folder.root} cannot be written ({cause.strerror}); finished trials are kept; "
            f"make room or give access, then resume with {resume_command}"
        ) from error


def _of_the_memory(error: Exception) -> bool:
    from ray.exceptions import OutOfMemoryError  # imported late: no study needs Ray to start

    return any(isinstance(cause, OutOfMemoryError) for cause in causes(error))


def _of_the_disk(error: Exception, root: str) -> OSError | None:
    """Returns the error of the study's disk that caused another error, or None."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno in _DISK:
            # A failed write names no file. An error that names a file elsewhere is another error.
            return cause if root in str(cause.filename or root) else None
    return None
