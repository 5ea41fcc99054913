"""Converts nested named tuples of tensors to a flat list of names and tensors, and back."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from torch import Tensor

__all__ = ["flatten", "unflatten"]

Tree = TypeVar("Tree")


def flatten(tree: Any) -> Iterator[tuple[str, Tensor]]:
    """Yields ("a.b", tensor) for each tensor of a nested named tuple."""
    for name, value in zip(tree._fields, tree, strict=True):
        if isinstance(value, Tensor):
            yield name, value
        else:
            yield from ((f"{name}.{inner}", leaf) for inner, leaf in flatten(value))


def unflatten(like: Tree, leaves: Mapping[str, Tensor], prefix: str = "") -> Tree:
    """Returns a tree with the structure of `like` and copies of the named tensors."""
    named: Any = like
    values = {
        name: leaves[prefix + name].clone()
        if isinstance(value, Tensor)
        else unflatten(value, leaves, f"{prefix}{name}.")
        for name, value in zip(named._fields, named, strict=True)
    }
    return type(like)(**values)
