"""Predicted and observed rates per bin, from the sums of `hemomodel.training.reliability`."""

from collections.abc import Sequence

import pandas as pd

from hemomodel.arrays import Float64s

__all__ = ["reliability_table"]


def reliability_table(sums: Float64s, tasks: Sequence[str]) -> pd.DataFrame:
    """Returns task, bin, predicted, observed, count; empty bins are left out.

    Args:
        sums: (T, bins, 3), sum of the probabilities, occurrences, count.
        tasks: names of the T tasks.
    """
    index = pd.MultiIndex.from_product([tasks, range(sums.shape[1])], names=["task", "bin"])
    chance, occurred, count = sums.reshape(-1, 3).T
    filled = count > 0
    return (
        index[filled]
        .to_frame(index=False)
        .assign(
            predicted=chance[filled] / count[filled],
            observed=occurred[filled] / count[filled],
            count=count[filled].astype(int),
        )
    )
