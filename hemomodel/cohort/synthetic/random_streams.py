"""Named streams of random numbers: one per variable, so that variables never share draws.

Each stream is read from its start, one number after another. So a large cohort begins with the
patients of a small one with the same seed.
"""

import zlib
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.random import Generator

from hemomodel.arrays import Float64s, Integers
from hemomodel.errors import InputError

__all__ = ["Streams", "Value", "draw_categories", "named_streams"]

Value: TypeAlias = Float64s | float
"""One number per patient (N,), or one for all patients."""
Streams: TypeAlias = Callable[[str], Generator]
"""Name of a variable -> a new generator for it."""


def named_streams(seed: int) -> Streams:
    """Returns the streams of a seed; the same name always gives the same numbers.

    Raises:
        InputError: the seed is negative.
    """
    if seed < 0:
        raise InputError(
            f"the seed must not be negative, found {seed}; give a whole number from 0 up"
        )

    def named(name: str) -> Generator:
        return np.random.default_rng([seed, zlib.crc32(name.encode())])

    return named


def draw_categories(rng: Generator, probabilities: Float64s) -> Integers:
    """Draws one index (N,) from each row of the probabilities (N, C)."""
    uniform = rng.random(len(probabilities))
    below = uniform[:, None] >= probabilities.cumsum(1)[:, :-1]
    return np.asarray(below.sum(1))
