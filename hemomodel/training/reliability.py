"""Compares predicted level probabilities with observed frequencies."""

import torch

from hemomodel.arrays import Float64s
from hemomodel.network.heads import HeadLayout
from hemomodel.training.metrics import ScoringData
from hemomodel.typing import Natural

__all__ = ["BINS", "reliability"]

BINS = 10


def reliability(layout: HeadLayout, natural: Natural, scored: ScoringData) -> Float64s:
    """Returns the frequency of levels in bins of their predicted probability.

    Each level of a task is compared with all other levels, over all rows and replicates, in bins of
    equal width (Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 2).

    Args:
        layout: of the predictions.
        natural: (R, m, K), the result of `HeadLayout.natural`.
        scored: labels and shares of the rows.

    Returns:
        (T, BINS, 3): sum of the probabilities, occurrences, count; zero for values.
    """
    chance = layout.log_probabilities(natural).exp()
    counted = (scored.share.index_select(-1, layout.task_of) > 0) & ~layout.is_value
    place = layout.task_of * BINS + (chance * BINS).long().clamp(0, BINS - 1)
    tasks = layout.member.shape[1]
    sums = [
        torch.bincount(place[counted], value[counted].double(), tasks * BINS)
        for value in (chance, scored.labels, torch.ones_like(chance))
    ]
    return torch.stack(sums, 1).view(tasks, BINS, 3).cpu().numpy()
