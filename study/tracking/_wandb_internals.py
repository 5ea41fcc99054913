"""What a study needs of W&B's SDK beyond what it promises, in one place.

An upgrade of W&B may change any of it: tests/study/tracking/test_wandb_internals.py then fails.
Nothing here is called before `import_wandb`, as W&B reads its environment when it is imported.
"""

import re
from pathlib import Path

__all__ = [
    "core_program",
    "inspect_command",
    "is_needed_record",
    "process_deaths",
    "server_refusals",
]

_NEEDED = re.compile(r'\{"num":\d+,"type":"(exit|artifact|files)"')


def process_deaths() -> tuple[type[BaseException], ...]:
    """Returns what W&B raises when its own process is gone, or dies while it starts.

    Its teardown exits with the code that its process left.
    """
    from wandb.sdk import mailbox
    from wandb.sdk.lib.service.service_port_file import ServicePollForTokenError

    gone = (mailbox.MailboxClosedError, mailbox.HandleAbandonedError)
    return (ConnectionError, ServicePollForTokenError, SystemExit, *gone)


def server_refusals() -> tuple[type[Exception], ...]:
    """Returns what W&B raises when its server says no, or says nothing."""
    import wandb
    from wandb.sdk.lib.service.service_connection import WandbApiFailedError

    return (wandb.Error, WandbApiFailedError)


def core_program() -> str:
    """Returns the path of W&B's own program."""
    from wandb.util import get_core_path

    return get_core_path()


def inspect_command(core: str, log: Path) -> list[str]:
    """Returns the command that prints the records of a run's log, one JSON object a line.

    It is what `wandb leet inspect --json` starts, without a second of imports for each run.

    Args:
        core: see `core_program`.
        log: of a run.
    """
    flags = ["--no-observability", "--json", "--run-file", str(log)]
    return [core, "leet", "inspect", *flags, str(log.parents[1])]


def is_needed_record(line: str) -> bool:
    """Returns whether a printed record tells of a run's end or of its files.

    The others are most of a log, so they are told apart before they are parsed.
    """
    return _NEEDED.match(line) is not None
