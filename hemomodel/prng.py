"""Counter-based random numbers: each replicate has its own stream.

A number is a hash of (key, stream, position), without state. So a stack of replicates draws in one
tensor program the same numbers as each replicate would draw by itself, on any device, and a
resumed run needs only its epoch. The hash is the finaliser of SplitMix64
(Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from hemomodel.typing import Keys

__all__ = ["fold_in", "normal", "random_bits", "replicate_keys", "uniform"]

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed number
_MIX1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX2 = -7723592293110705685  # 0x94D049BB133111EB


def _shifted(x: Tensor, by: int) -> Tensor:
    return (x >> by) & (
        (1 << (64 - by)) - 1
    )  # torch fills with the sign bit; SplitMix64 fills with zeros


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shifted(x, 30)) * _MIX1
    x = (x ^ _shifted(x, 27)) * _MIX2
    return x ^ _shifted(x, 31)


def replicate_keys(pairs: Sequence[tuple[int, int]]) -> Keys:
    """Returns the root keys (R,) of replicates, given their (seed, fold) pairs."""
    seeds, folds = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1)
    return _mix(_mix(seeds * _GOLDEN + 1) + folds * _GOLDEN)


def fold_in(keys: Keys, name: int | Tensor) -> Keys:
    """Returns the keys (R,) of a stream below each key.

    Args:
        keys: (R,).
        name: any integer, or one per key.
    """
    offset = torch.as_tensor(name, dtype=torch.int64, device=keys.device) * _GOLDEN
    return _mix(keys + _mix(offset + 1))


def random_bits(keys: Keys, count: int, start: int = 0) -> Tensor:
    """Returns (R, count) int64 numbers of 64 random bits, starting at a position of the stream."""
    positions = torch.arange(start + 1, start + count + 1, dtype=torch.int64, device=keys.device)
    return _mix(keys[:, None] + positions * _GOLDEN)


def uniform(keys: Keys, count: int, dtype: torch.dtype, start: int = 0) -> Tensor:
    """Returns (R, count) numbers, uniform in [0, 1), starting at a position of the stream."""
    mantissa = 24 if dtype == torch.float32 else 53
    return _shifted(random_bits(keys, count, start), 64 - mantissa).to(dtype) * 2.0**-mantissa


def normal(keys: Keys, count: int, dtype: torch.dtype, start: int = 0) -> Tensor:
    """Returns (R, count) standard normal numbers, starting at a position of the stream.

    They are quantiles of uniform numbers at the centres of 2^24 (float32) or 2^53 equal intervals.
    """
    centre = 2.0**-24 if dtype == torch.float32 else 2.0**-53  # of the first interval above -1
    between = uniform(keys, count, dtype, start).mul_(2).sub_(1).add_(centre)
    return between.erfinv_().mul_(2**0.5)
