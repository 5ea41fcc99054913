"""Checks the arrays of a model's files: shape, type and finite numbers."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hemomodel.ensemble.linear_models import LINEAR_ARRAYS

__all__ = [
    "ModelFileError",
    "check_array",
    "check_layers",
    "check_linear",
    "finite_array",
    "positive_array",
    "rising_array",
    "share_array",
]

_DIRECT = "direct.weight"  # of a linear path
Array = TypeVar("Array", bound=NDArray[Any])


class ModelFileError(ValueError):
    """A part of a model file is wrong; the message names the part and the reason."""


def finite_array(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns a value as an array of finite numbers.

    Raises:
        ModelFileError: it is not an array of finite numbers, or has another shape.
    """
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ModelFileError(f"{name} is not an array of numbers") from None
    if not array.size and 0 in shape:
        array = array.reshape(shape)  # an empty list has no shape
    return check_array(name, array, shape)


def check_array(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    """Returns the array.

    Raises:
        ModelFileError: it has another shape, or a number that is not finite.
    """
    if array.shape != shape:
        raise ModelFileError(f"{name} has shape {array.shape}, not {shape}")
    if not np.isfinite(array).all():
        raise ModelFileError(f"{name} contains a number that is not finite")
    return array


def positive_array(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns a value as an array of finite numbers above zero.

    Raises:
        ModelFileError: it is not an array of finite numbers above zero, or has another shape.
    """
    array = finite_array(name, value, shape)
    if not (array > 0).all():
        raise ModelFileError(f"{name} contains a number that is not above zero")
    return array


def rising_array(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns a value as an array of finite numbers that do not fall along the last axis.

    Raises:
        ModelFileError: it is not an array of finite numbers, has another shape, or falls.
    """
    array = finite_array(name, value, shape)
    if (array[..., 1:] < array[..., :-1]).any():
        raise ModelFileError(f"{name} is not in ascending order")
    return array


def share_array(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns a value as an array of numbers from 0 to 1.

    Raises:
        ModelFileError: it is not an array of numbers from 0 to 1, or has another shape.
    """
    array = finite_array(name, value, shape)
    if ((array < 0) | (array > 1)).any():
        raise ModelFileError(f"{name} contains a number that is not between 0 and 1")
    return array


def check_layers(
    layers: dict[str, NDArray[np.floating]], replicates: int, tasks: int, ends: Sequence[int]
) -> None:
    """Checks the names, shapes and numbers of the weights of R replicates.

    Args:
        layers: the weights and biases by name.
        replicates: R.
        tasks: T; a replicate has one network, or T.
        ends: the number of inputs and of outputs.

    Raises:
        ModelFileError: a name or a shape is wrong, or a number is not finite.
    """
    count = len(layers) // 2
    named = {f"layer{i}.{part}" for i in range(count) for part in ("weight", "bias")}
    if count < 2 or set(layers) - {_DIRECT} != named:  # noqa: PLR2004 - a trunk and its heads
        raise ModelFileError(
            "the weights are not named layer0.weight, layer0.bias, layer1.weight, ..."
        )
    width, networks = ends[0], layers["layer0.weight"].shape[1:2]
    if networks not in {(1,), (tasks,)}:
        raise ModelFileError(
            f"layer0.weight has shape {layers['layer0.weight'].shape}, "
            f"with neither 1 nor {tasks} networks per replicate"
        )
    for place in range(count):
        weight, bias = layers[f"layer{place}.weight"], layers[f"layer{place}.bias"]
        outputs = ends[1] if place == count - 1 else weight.shape[-1]
        lead = (replicates, *networks)
        check_array(f"layer{place}.weight", weight, (*lead, width, outputs))
        check_array(f"layer{place}.bias", bias, (*lead, outputs))
        width = outputs
    if _DIRECT in layers:
        check_array(_DIRECT, layers[_DIRECT], (replicates, *networks, *ends))


def check_linear(arrays: dict[str, NDArray[np.floating]], sizes: tuple[int, int, int]) -> None:
    """Checks the names, shapes and numbers of a linear reference model.

    Args:
        arrays: by name.
        sizes: the numbers of folds, features and outputs.

    Raises:
        ModelFileError: a name or a shape is wrong, or a number is not finite.
    """
    if set(arrays) != set(LINEAR_ARRAYS):
        raise ModelFileError(f"the arrays of a linear model are not {', '.join(LINEAR_ARRAYS)}")
    folds, _, outputs = sizes
    for name, array in arrays.items():
        shape = sizes if name == "weight" else (folds, outputs)
        check_array(f"linear.{name}", array, shape)
