"""YAML with data only: no code, no references, no duplicate key, and of limited size."""

import re
from pathlib import Path
from typing import Any

import yaml

from hemomodel.errors import InputError

__all__ = ["parse_yaml", "read_yaml"]

_MOST = 2**20  # bytes; a settings file has a few hundred


class _Loader(yaml.SafeLoader):
    """Refuses references and duplicate keys: they can expand a text, or hide a setting."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.YAMLError(f"*{event.anchor} is a reference; write the value instead")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.YAMLError(f"{twice!r} appears twice; keep one of them")
        return super().construct_mapping(node, deep)


# The meaning of a plain word or number, as in YAML 1.2. The older rules of PyYAML read `No` and
# `on` as booleans, 2009_10 and 1:30 as numbers, 010 as eight, and 1e-3 as text.
_MEANINGS = (  # tag, pattern, first letters
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", [*"-+0123456789"]),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", [*"-+.0123456789"]),
    ("float", r"[-+]?[0-9]+[eE][-+]?[0-9]+", [*"-+0123456789"]),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", [*"-+."]),
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
)
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _MEANINGS:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
    )


def parse_yaml(text: str, where: str) -> Any:
    """Returns the content of a YAML text as plain data.

    Args:
        text: YAML.
        where: the name of the text in errors.

    Raises:
        InputError: it is not YAML, or not plain data.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader, above
    except RecursionError:
        raise InputError(f"{where}: is nested too deeply; use fewer levels") from None
    except Exception as error:  # noqa: BLE001 - PyYAML's constructors can raise any error
        place = " ".join(str(error).split())
        raise InputError(f"{where}: is not YAML ({place}); correct it") from None


def read_yaml(path: Path, what: str = "") -> Any:
    """Returns the content of a YAML file as plain data; None if it is empty.

    Args:
        path: the file.
        what: the kind of file; errors give it before the path.

    Raises:
        InputError: it cannot be read, is too large, or is not plain YAML.
    """
    where = f"{what} {path}".strip()
    try:
        with path.open("rb") as file:  # not by the size of the file: a device or a pipe has none
            content = file.read(_MOST + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{where}: cannot be read ({error}); give a YAML file") from None
    if len(content) > _MOST:
        raise InputError(f"{where}: is larger than {_MOST:,} bytes; give a YAML file")
    return parse_yaml(text, where)
