"""The W&B server that this machine is set up for: is it there, and who are we to it."""

import urllib.error
import urllib.request
from typing import Any, NamedTuple

from hemomodel.errors import InputError
from study.folder import Folder
from study.tracking import import_wandb

__all__ = ["Server", "find_server"]


class Server(NamedTuple):
    """Where runs and reports go."""

    url: str
    entity: str


def find_server(folder: Folder, entity: str | None, seconds: float) -> Server:
    """Asks the server who we are, and gives up in time.

    Args:
        folder: of the study; what W&B writes goes there.
        entity: a user or a team; the account's own if not given.
        seconds: to wait for an answer.

    Raises:
        InputError: there is no answer, or no valid API key.
    """
    wandb: Any = import_wandb(folder)
    url = wandb.setup().settings.base_url.rstrip("/")
    try:
        urllib.request.urlopen(url, timeout=seconds).close()  # noqa: S310 - the user's own setting
    except urllib.error.HTTPError:
        pass  # an answer, if not a kind one
    except OSError as error:
        raise InputError(
            f"the W&B server at {url} does not answer ({getattr(error, 'reason', error)}); "
            "nothing was sent: try again later, or set WANDB_BASE_URL to another server"
        ) from None
    try:
        name = entity or wandb.Api(timeout=max(1, int(seconds))).default_entity
    except wandb.Error as error:
        raise InputError(f"the W&B server at {url} refused us ({_one_line(error)}); "
                         "run `wandb login`, or set WANDB_API_KEY") from None  # fmt: skip
    if not name:
        raise InputError(f"the account at {url} has no entity of its own; give one with --entity")
    return Server(url, name)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
