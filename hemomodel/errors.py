"""The error that a user can correct, and suggestions for misspelt names."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["InputError", "did_you_mean", "nearest_name"]


class InputError(ValueError):
    """Wrong input of the user: a file, a setting or a flag.

    The message is one sentence: what is wrong, where, what was found and what to do.
    The commands print only this message and end with exit code 2.
    """


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Returns the most similar known name, or None if no name is similar."""
    return next(iter(get_close_matches(name, list(known), n=1)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns `did you mean X?`, or the list of known names if none is similar."""
    names = list(known)
    nearest = nearest_name(name, names)
    return f"choose from {', '.join(names)}" if nearest is None else f"did you mean {nearest}?"
