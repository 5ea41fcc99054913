"""Finds the configured W&B server: is it reachable, and which account is logged in."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from hemomodel.errors import InputError
from study.store.study_folder import StudyFolder
from study.tracking._wandb_internals import server_refusals
from study.tracking.tracker import import_wandb

__all__ = ["Server", "find_server", "refusals"]


class Server(NamedTuple):
    """Where runs and reports go."""

    url: str
    entity: str


def find_server(folder: StudyFolder, entity: str | None, seconds: float) -> Server:
    """Returns the server and the account to use; waits a limited time for an answer.

    Args:
        folder: of the study; W&B writes into it.
        entity: a user or a team; by default the account's own.
        seconds: how long to wait for an answer.

    Raises:
        InputError: the server does not answer, or the API key is missing or not valid.
    """
    wandb: Any = import_wandb(folder)
    url = wandb.setup().settings.base_url.rstrip("/")
    try:
        urllib.request.urlopen(url, timeout=seconds).close()  # noqa: S310 - the user's own setting
    except urllib.error.HTTPError:
        pass  # an error code is an answer too
    except OSError as error:
        raise InputError(
            f"the W&B server at {url} does not answer ({getattr(error, 'reason', error)}), so "
            "nothing was sent; try again later, or set WANDB_BASE_URL to another server"
        ) from None
    with refusals(folder, url, "run `wandb login`, or set WANDB_API_KEY"):
        name = entity or wandb.Api(timeout=max(1, int(seconds))).default_entity
    if not name:
        raise InputError(f"the account at {url} has no default entity; give one with --entity")
    return Server(url, name)


@contextmanager
def refusals(folder: StudyFolder, url: str, advice: str) -> Iterator[None]:
    """Turns an error of the W&B server into a message of one line.

    Raises:
        InputError: the server refused the request or did not answer.
    """
    import_wandb(folder)
    try:
        yield
    except server_refusals() as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"the W&B server at {url} refused the request ({reason}); {advice}"
        ) from None
