"""Loads names of a package at first use."""

from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazy_names"]


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Returns the `__getattr__` of a package: Python calls it for names that are not loaded yet.

    With it `--help` is printed, or a wrong setting is refused, without loading torch.

    Args:
        package: its `__name__`.
        homes: name -> the module within the package that defines it, such as `splits`.
    """

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return load
