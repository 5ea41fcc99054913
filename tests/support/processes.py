"""A port that nobody listens on."""

import socket


def free_port() -> int:
    """Returns a port of this machine that is free now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
