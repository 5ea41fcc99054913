"""How every script ends: what went wrong in one line, and an exit code that says what it was."""

import os
import sys
from collections.abc import Callable

from hemomodel.errors import InputError

__all__ = ["INTERRUPTED", "run_cli"]

BAD_INPUT = 2
INTERRUPTED = 130


def run_cli(main: Callable[[], int | None]) -> int:
    """Runs a script and returns its exit code.

    What the user can mend (`InputError`) is one line on standard error and code 2; an interrupt is
    code 130. Anything else is a fault of ours and keeps its traceback.
    """
    try:
        return main() or 0
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
