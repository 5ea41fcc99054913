"""Is anybody there? Ray itself asks an address of nobody for minutes."""

import socket

from hemomodel.errors import InputError

__all__ = ["check_reachable"]

_SECONDS = 10


def check_reachable(address: str) -> None:
    """Knocks once at the HOST:PORT of a cluster; `auto` is left to Ray.

    Raises:
        InputError: nobody answers in ten seconds.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:  # no answer, or no address
        raise InputError(
            f"no Ray cluster answers at {address} ({error}); start one with `ray start --head`, "
            "or leave --address out to run on this machine"
        ) from None
