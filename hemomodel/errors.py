"""The one error that a person can correct, and the nearest name to one that is misspelt."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["InputError", "did_you_mean", "nearest_name"]


class InputError(ValueError):
    """What the user handed in is wrong: a file, a setting or a flag.

    The message is one sentence that says what, where, what was found and what to do.
    The scripts print it alone and end with exit code 2.
    """


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Returns the known name that is most like another, or None if none is much like it."""
    return next(iter(get_close_matches(name, list(known), n=1)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns `did you mean X?`, or the list of what is known if nothing is near."""
    names = list(known)
    nearest = nearest_name(name, names)
    return f"choose from {', '.join(names)}" if nearest is None else f"did you mean {nearest}?"
