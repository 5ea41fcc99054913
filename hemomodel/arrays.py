"""Types of NumPy arrays; `typing.py` has the tensors.

They are in a separate file so that tables and cohorts load without torch.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Float64s", "Floats", "Groups", "Integers", "Mask", "Rows"]

Floats: TypeAlias = NDArray[np.floating]
"""Numbers in single or double precision."""
Float64s: TypeAlias = NDArray[np.float64]
"""Numbers in double precision."""
Integers: TypeAlias = NDArray[np.int64]
"""Whole numbers, such as codes or counts."""
Rows: TypeAlias = NDArray[np.int64]
"""Numbers of rows, from 0."""
Groups: TypeAlias = NDArray[np.int64]
"""(N,): the group of each row, such as its patient."""
Mask: TypeAlias = NDArray[np.bool_]
"""A selection of entries."""
