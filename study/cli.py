"""What every command shares: its parser, its name in messages, how it ends, how it writes a time.

What went wrong is one line, and the exit code says what it was. Every message that tells the user
what to type takes the command's name from `command_name`.
"""

import argparse
import errno
import os
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from hemomodel.errors import InputError

__all__ = [
    "BAD_INPUT",
    "INTERRUPTED",
    "Parser",
    "command_name",
    "command_parser",
    "duration",
    "run_cli",
]

BAD_INPUT = 2
INTERRUPTED = 130

# What a disk, its owner or a path says no with; any other OSError is a fault of ours.
_REFUSED = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG),
    *(errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
}
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, marks of direction, line ends
_COMMAND = re.compile(r"\bhemomodel-(search|report|recommend|cohort|sync|submit)\b")
_SCRIPTS = Path(__file__).parents[1] / "scripts"  # in a checkout


def command_name(name: str) -> str:
    """Returns what the user types to start a command.

    That is `hemomodel-search` after `pip install`, and `python scripts/search.py` in a checkout,
    unless the running command was started by its installed name there.
    """
    installed = f"hemomodel-{name}"
    if _COMMAND.match(Path(sys.argv[0]).name) or not (_SCRIPTS / f"{name}.py").is_file():
        return installed
    return f"python scripts/{name}.py"


class Parser(argparse.ArgumentParser):
    """A command line whose complaint is one line, as every other; `--help` has the usage."""

    def error(self, message: str) -> NoReturn:
        """Refuses the command line.

        Raises:
            InputError: always.
        """
        raise InputError(f"{message}; see: {self.prog} --help")


class _Version(argparse.Action):
    """Prints the version, which takes a moment to look up, only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"hemomodel {version('hemomodel')}")  # noqa: T201
        parser.exit()


def command_parser(command: str, doc: str | None, examples: str = "", **options: Any) -> Parser:
    """Returns a command line with a description, examples and `--version`.

    Args:
        command: what the user types to start it; see `command_name`.
        doc: the description.
        examples: shown below the flags; `hemomodel-NAME` in it becomes what the user types.
        options: further arguments of `argparse.ArgumentParser`.
    """
    epilog = _COMMAND.sub(lambda match: command_name(match[1]), examples)
    parser = Parser(
        prog=command,
        description=doc,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    return parser


def run_cli(main: Callable[[], int | None]) -> int:
    """Runs a command and returns its exit code.

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
