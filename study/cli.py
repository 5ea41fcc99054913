"""What every script shares: its parser, how it ends, and how it writes a time.

A script ends with what went wrong in one line, and an exit code that says what it was.
"""

import argparse
import errno
import os
import sys
import unicodedata
from collections.abc import Callable
from typing import NoReturn

from hemomodel.errors import InputError

__all__ = ["INTERRUPTED", "Parser", "duration", "run_cli"]

BAD_INPUT = 2
INTERRUPTED = 130

# What a disk, its owner or a path says no with; any other OSError is a fault of ours.
_REFUSED = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG),
    *(errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
}
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, marks of direction, line ends


class Parser(argparse.ArgumentParser):
    """A command line whose complaint is one line, as every other; `--help` has the usage."""

    def error(self, message: str) -> NoReturn:
        """Refuses the command line.

        Raises:
            InputError: always.
        """
        raise InputError(f"{message}; see: python scripts/{self.prog} --help")


def run_cli(main: Callable[[], int | None]) -> int:
    """Runs a script and returns its exit code.

    What the user can mend (`InputError`, a full or closed disk) is one line on standard error and
    code 2; an interrupt is code 130. Anything else is a fault of ours and keeps its traceback.
    """
    try:
        code = main() or 0
        if sys.stdout is not None:  # None if the shell closed it
            sys.stdout.flush()  # a full disk shows here, and not when Python has all but ended
    except BrokenPipeError:  # `| head` has read enough
        _drop_output()
        return 0
    except InputError as error:
        return _refuse(str(error))
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        if error.filename is None:
            _drop_output()
        where = f"{error.filename}: " if error.filename else "the output: "
        return _refuse(
            f"{where}{error.strerror}; give access or room there, or another place, and run this "
            "again: what was finished is kept"
        )
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    return code


def _refuse(message: str) -> int:
    print(f"error: {_one_line(message)}", file=sys.stderr)  # noqa: T201
    return BAD_INPUT


def _one_line(text: str) -> str:
    """Returns a text that stays on its line, whatever a file or a cell put into it.

    A control character could otherwise move the cursor of the terminal that it is printed on.
    """
    return "".join(
        repr(letter)[1:-1] if unicodedata.category(letter) in _UNSEEN else letter for letter in text
    )


def _drop_output() -> None:
    """Sends what is still to be written nowhere: Python writes it once more when it ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def duration(seconds: float) -> str:
    """Returns seconds as a person reads them.

    >>> duration(42), duration(185), duration(7800)
    ('42 s', '3 min 05 s', '2 h 10 min')
    """
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004 - an hour
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
