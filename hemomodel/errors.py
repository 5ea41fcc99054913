"""The one error that a person can mend."""

__all__ = ["InputError"]


class InputError(ValueError):
    """What the user handed in is wrong: a file, a setting or a flag.

    The message is one sentence that says what, where, what was found and what to do.
    The scripts print it alone and end with exit code 2.
    """
