"""What an ensemble averages: the predictions of R replicates."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hemomodel.arrays import Floats

__all__ = ["Predictor", "double_tensor"]


class Predictor(Protocol):
    """Maps a design matrix to the predictions of R replicates.

    Attributes:
        replicates: R.
        numbers_per_row: the most numbers that it computes for a row at a time.
    """

    replicates: int
    numbers_per_row: int

    def predictions(self, design: Tensor) -> Tensor:
        """Returns probabilities and values (R, m, K) for a design (m, P)."""


def double_tensor(array: Floats) -> Tensor:
    """Returns a copy in double precision, to fold a preprocessing into weights."""
    return torch.from_numpy(np.array(array, dtype=np.float64))
