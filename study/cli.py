"""What all commands share: the parser, the command's name, exit codes, the format of a duration.

An error is one line, and the exit code gives its kind. Every message that tells the user what to
type takes the command's name from `command_name`.
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

# Errors of a disk, of access rights or of a path. Any other OSError is an error in the program.
_REFUSED = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG),
    *(errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
}
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control characters, direction marks, line ends
_COMMAND = re.compile(r"\bhemomodel-(search|report|recommend|cohort|sync|submit)\b")
_SCRIPTS = Path(__file__).parents[1] / "scripts"  # in a checkout


def command_name(name: str) -> str:
    """Returns what the user types to start a command.

    That is `hemomodel-search` after `pip install`, and `python scripts/search.py` in a checkout.
    In a checkout it is `hemomodel-search` too if the running command was started by that name.
    """
    installed = f"hemomodel-{name}"
    if _COMMAND.match(Path(sys.argv[0]).name) or not (_SCRIPTS / f"{name}.py").is_file():
        return installed
    return f"python scripts/{name}.py"


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line; only `--help` prints the usage."""

    def error(self, message: str) -> NoReturn:
        """Refuses the command line.

        Raises:
            InputError: always.
        """
        raise InputError(f"{message}; see: {self.prog} --help")


class _Version(argparse.Action):
    """Looks up and prints the version only if the flag is given, because this takes a moment."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"hemomodel {version('hemomodel')}")  # noqa: T201
        parser.exit()


def command_parser(command: str, doc: str | None, examples: str = "", **options: Any) -> Parser:
    """Returns a parser with a description, examples and `--version`.

    Args:
        command: what the user types to start the command; see `command_name`.
        doc: the description.
        examples: shown below the flags; `hemomodel-NAME` in it is replaced by what the user types.
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

    An error that the user can correct (`InputError`, a full disk, missing access) is one line on
    standard error and code 2. An interrupt is code 130. Any other error is an error in the program
    and keeps its traceback.
    """
    try:
        code = main() or 0
        if sys.stdout is not None:  # None if the shell closed it
            sys.stdout.flush()  # a full disk must fail here, not when Python exits
    except BrokenPipeError:  # the reader, such as `head`, has ended
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
            f"{where}{error.strerror}; give access, free space or choose another place, and run "
            "this again: finished work is kept"
        )
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    return code


def _refuse(message: str) -> int:
    print(f"error: {_one_line(message)}", file=sys.stderr)  # noqa: T201
    return BAD_INPUT


def _one_line(text: str) -> str:
    """Returns a text as one line, with control characters of a file or a cell escaped.

    A control character could otherwise move the cursor of the terminal.
    """
    return "".join(
        repr(letter)[1:-1] if unicodedata.category(letter) in _UNSEEN else letter for letter in text
    )


def _drop_output() -> None:
    """Discards the output that is not yet written. Python would write it again when it exits."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def duration(seconds: float) -> str:
    """Returns a number of seconds as readable text.

    >>> duration(42), duration(185), duration(7800)
    ('42 s', '3 min 05 s', '2 h 10 min')
    """
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004 - an hour
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
