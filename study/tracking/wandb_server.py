"""The W&B server that this machine is set up for: is it there, and who are we to it."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from hemomodel.errors import InputError
from study.store.study_folder import StudyFolder
from study.tracking.tracker import import_wandb

__all__ = ["Server", "find_server", "refusals"]


class Server(NamedTuple):
    """Where runs and reports go."""

    url: str
    entity: str


def find_server(folder: StudyFolder, entity: str | None, seconds: float) -> Server:
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
    with refusals(folder, url, "run `wandb login`, or set WANDB_API_KEY"):
        name = entity or wandb.Api(timeout=max(1, int(seconds))).default_entity
    if not name:
        raise InputError(f"the account at {url} has no entity of its own; give one with --entity")
    return Server(url, name)


@contextmanager
def refusals(folder: StudyFolder, url: str, advice: str) -> Iterator[None]:
    """Turns what W&B raises when its server says no, or says nothing, into one sentence.

    Raises:
        InputError: it did.
    """
    wandb: Any = import_wandb(folder)
    from wandb.sdk.lib.service.service_connection import WandbApiFailedError

    try:
        yield
    except (wandb.Error, WandbApiFailedError) as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"the W&B server at {url} refused us ({said}); {advice}") from None
