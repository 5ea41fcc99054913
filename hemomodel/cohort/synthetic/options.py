"""How the built-in patients differ from the default ones: a few numbers that a user declares."""

from dataclasses import dataclass, fields
from typing import Any, Self

from hemomodel.errors import InputError, did_you_mean

__all__ = ["MAX_SESSIONS", "SyntheticOptions"]

MAX_SESSIONS = 100


@dataclass(frozen=True)
class SyntheticOptions:
    """The options of the built-in cohort. The defaults give the default cohort, number by number.

    Attributes:
        interactions: 0 to 1, the strength of products and thresholds of state variables in each
            setting. At 1 they have about the variance of the linear terms.
        shared: 0 to 1, the share of this nonlinear variance that all settings read from the same
            few functions of the state. The rest is different for each setting.
        conflict: 0 to 1, how far the settings read these functions along different axes. At 0 all
            read the same; at 1 some read the opposite of others, and their sum is zero.
        sessions: rows per patient, 1 to 100. With 2 or more, each patient has a hidden effect on
            all his settings, and laboratory values vary between his sessions.
    """

    interactions: float = 0.0
    shared: float = 0.0
    conflict: float = 0.0
    sessions: int = 1

    def __post_init__(self) -> None:
        for name in ("interactions", "shared", "conflict"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise InputError(f"{name} is {_short(value)}; give a number from 0 to 1")
        if not isinstance(self.sessions, int) or not 1 <= self.sessions <= MAX_SESSIONS:
            raise InputError(
                f"sessions is {_short(self.sessions)}; give a whole number from 1 to {MAX_SESSIONS}"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses options as a user writes them.

        >>> SyntheticOptions.parse("interactions=1,sessions=3").sessions
        3

        Raises:
            InputError: an option is unknown, is given twice, or has a value that it cannot have.
        """
        known = [field.name for field in fields(cls)]
        values: dict[str, Any] = {}
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if not equals:
                raise InputError(
                    f"{_short(part)} is not NAME=VALUE; write an option as interactions=1"
                )
            if name not in known:
                raise InputError(f"{_short(name)} is not an option; {did_you_mean(name, known)}")
            if name in values:
                raise InputError(f"{name} is given twice; give it once")
            values[name] = _whole(value) if name == "sessions" else _number(value)
        return cls(**values)

    def changed(self) -> dict[str, float]:
        """Returns the options that differ from their default, by name."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }


def _number(text: str) -> float | str:
    """Returns a number, or the text itself, which is then refused with the option's name."""
    try:
        return float(text)
    except ValueError:
        return text


def _whole(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) <= len(f"{MAX_SESSIONS}") else text


def _short(value: object) -> str:
    return repr(value[:20] if isinstance(value, str) else value)
