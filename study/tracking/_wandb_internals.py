"""Everything that a study uses of W&B's SDK beyond its public interface, in one place.

An upgrade of W&B may change any of it. tests/study/tracking/test_wandb_internals.py then fails.
Call nothing here before `import_wandb`, because W&B reads its environment when it is imported.
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
    """Returns the exceptions that W&B raises when its own process has ended or fails to start.

    W&B's teardown raises SystemExit with the exit code of that process.
    """
    from wandb.sdk import mailbox
    from wandb.sdk.lib.service.service_port_file import ServicePollForTokenError

    gone = (mailbox.MailboxClosedError, mailbox.HandleAbandonedError)
    return (ConnectionError, ServicePollForTokenError, SystemExit, *gone)


def server_refusals() -> tuple[type[Exception], ...]:
    """Returns the exceptions that W&B raises when its server refuses or does not answer."""
    import wandb
    from wandb.sdk.lib.service.service_connection import WandbApiFailedError

    return (wandb.Error, WandbApiFailedError)


def core_program() -> str:
    """Returns the path of W&B's own program."""
    from wandb.util import get_core_path

    return get_core_path()


def inspect_command(core: str, log: Path) -> list[str]:
    """Returns the command that prints the records of a run's log, one JSON object per line.

    `wandb leet inspect --json` starts the same command, but needs a second of imports per run.

    Args:
        core: from `core_program`.
        log: the log file of a run.
    """
    flags = ["--no-observability", "--json", "--run-file", str(log)]
    return [core, "leet", "inspect", *flags, str(log.parents[1])]


def is_needed_record(line: str) -> bool:
    """Returns whether a printed record reports a run's end or its files.

    Most records of a log do neither. They are skipped before they are parsed.
    """
    return _NEEDED.match(line) is not None
