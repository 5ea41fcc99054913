"""A validation error of pydantic, as part of a sentence."""

import reprlib
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import ValidationError

from hemomodel.errors import did_you_mean

__all__ = ["validation_message"]

_UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}
_OWN_WORDS = "Value error, "  # pydantic writes this before the message of our validators


def validation_message(
    error: ValidationError, model: type | None = None, *, hidden: Collection[str] = ()
) -> str:
    """Returns the first error of a validation: the entry, its value and the problem.

    Args:
        error: of the validation.
        model: the class of the validated settings; if given, the message suggests the nearest known
            key for an unknown key.
        hidden: entries whose value must not be shown, such as one that may contain a password.
    """
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if model is not None and first["type"] in _UNKNOWN_KEY:
        *path, name = map(str, first["loc"])
        return f"{place} is not a setting; {did_you_mean(name, _fields(model, path))}"
    message = first["msg"].removeprefix(_OWN_WORDS)
    if message == first["msg"]:
        message = message[0].lower() + message[1:]
    if not place:
        return message
    if place in hidden or first["type"] == "missing" or isinstance(first["input"], Mapping):
        return f"{place}: {message}"
    return f"{place} is {reprlib.repr(first['input'])}: {message}"


def _fields(model: Any, path: Sequence[str]) -> list[str]:
    """Returns the fields of a settings class, or of a part of it."""
    for part in path:
        annotation = model.model_fields[part].annotation
        if get_origin(annotation) in {Union, types.UnionType}:
            annotation = next(arg for arg in get_args(annotation) if hasattr(arg, "model_fields"))
        model = annotation
    fields = getattr(model, "model_fields", None) or model.__dataclass_fields__
    return list(fields)
