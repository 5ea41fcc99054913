"""The digits of a value and its interval that mean something."""

from collections.abc import Callable

import numpy as np

from hemomodel.arrays import Floats

__all__ = ["round_to_interval"]

_WITHIN = 3  # digits of an interval's width that its ends are written with
_OWN = 4  # of a value whose interval is endless


def round_to_interval(value: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns values and their intervals (n,) with the digits that mean something.

    Three of the interval's width; its ends go outwards, so that it holds what it held. Of a value
    whose interval is endless, four of its own.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        width = high - low
        digits = np.where(np.isfinite(width), _WITHIN - _size(width), _OWN - _size(np.abs(value)))
    return (
        _to_digits(np.round, value, digits),
        _to_digits(np.floor, low, digits),
        _to_digits(np.ceil, high, digits),
    )


def _size(values: Floats) -> Floats:
    """Returns how many digits (n,) stand before the point; below one, less the zeros behind it."""
    size: Floats = np.floor(np.log10(values)) + 1
    return size


def _to_digits(way: Callable[[Floats], Floats], values: Floats, digits: Floats) -> Floats:
    """Returns values rounded one way to so many digits behind the point, or before it if below 0.

    What has no such number, or is too large or small to be so rounded, stays as it is.
    """
    with np.errstate(all="ignore"):
        up, down = 10.0 ** np.maximum(digits, 0), 10.0 ** np.maximum(-digits, 0)
        rounded = way(values * up / down) * down / up
    return np.where(np.isfinite(rounded), rounded, values)
