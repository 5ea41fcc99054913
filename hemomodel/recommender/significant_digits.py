"""Rounds a value and its interval to significant digits."""

from collections.abc import Callable

import numpy as np

from hemomodel.arrays import Floats

__all__ = ["round_to_interval"]

_WITHIN = 3  # digits of an interval's width that its ends are rounded to
_OWN = 4  # significant digits of a value with an infinite interval


def round_to_interval(value: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns values and their intervals (n,), rounded to significant digits.

    The precision is three digits of the interval's width. The ends are rounded outwards, so that
    the interval does not become smaller. A value with an infinite interval gets four digits.
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
    """Returns the number of digits (n,) before the decimal point; negative for small numbers."""
    size: Floats = np.floor(np.log10(values)) + 1
    return size


def _to_digits(way: Callable[[Floats], Floats], values: Floats, digits: Floats) -> Floats:
    """Returns values, rounded with `way` to a number of decimal places, which may be negative.

    Values that cannot be rounded in this way (not finite, too large or too small) do not change.
    """
    with np.errstate(all="ignore"):
        up, down = 10.0 ** np.maximum(digits, 0), 10.0 ** np.maximum(-digits, 0)
        rounded = way(values * up / down) * down / up
    return np.where(np.isfinite(rounded), rounded, values)
