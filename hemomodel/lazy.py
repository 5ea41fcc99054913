"""Names of a package that are loaded when they are first used."""

from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazy_names"]


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Returns the `__getattr__` of a package: Python calls it for what the package does not hold.

    So `--help` answers, or a wrong setting is refused, without waiting for torch or scikit-learn.

    Args:
        package: its `__name__`.
        homes: the module within the package, such as `splits`, by the name that it defines.
    """

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return load
