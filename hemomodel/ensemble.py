"""R networks as one predictor: the mean of their probabilities and of their values."""

from math import log

import torch
from torch import Tensor

from hemomodel.heads import HeadLayout

__all__ = ["pool"]


def pool(layout: HeadLayout, natural: Tensor) -> Tensor:
    """Returns what an ensemble says (m, K): log of the mean probabilities, mean of the values.

    The mean of probabilities is the linear opinion pool of deep ensembles (Lakshminarayanan et
    al., NeurIPS 2017, section 2.4).

    Args:
        layout: of the columns.
        natural: (R, m, K), logits or log-probabilities, and values in the task's unit.
    """
    mean_log = layout.log_probabilities(natural).logsumexp(0) - log(len(natural))
    return torch.where(layout.is_value, natural.mean(0), mean_log)
