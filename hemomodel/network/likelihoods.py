"""Outputs that take more than a softmax or nothing at all: ordered levels, and counts."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, pad

__all__ = [
    "MAX_LOG_RATE",
    "continuation_ratio",
    "continuation_slopes",
    "half_deviance",
    "log_rate_losses",
    "poisson_rate",
]

MAX_LOG_RATE = 20.0  # e^20 = 5e8 times the scale: far from any count, and its square is a float32


def continuation_ratio(logits: Tensor, asked: Tensor) -> Tensor:
    """Returns log probabilities (..., T, L) of ordered levels.

    Of each level but the last it is asked whether it is passed, once it is reached; a logit is that
    chance's: log p_j = log sigmoid(-z_j) + sum over k < j of log sigmoid(z_k). These are the
    continuation ratios (Fienberg, The Analysis of Cross-Classified Categorical Data, 1980), with
    weights of each question's own as in CORN (Shi, Cao & Raschka, arXiv:2111.08851).

    Args:
        logits: (..., T, L).
        asked: (T, L) bool, the levels but the last; what stands elsewhere is not read.
    """
    passed = logsigmoid(logits).masked_fill(~asked, 0)
    stopped = logsigmoid(-logits).masked_fill(~asked, 0)
    return stopped + pad(passed, (1, -1)).cumsum(-1)


def continuation_slopes(logits: Tensor, targets: Tensor, asked: Tensor) -> Tensor:
    """Returns the derivatives (..., T, L) of the cross-entropy of `continuation_ratio`.

    Args:
        logits: (..., T, L).
        targets: (..., T, L), probabilities of the levels, or one-hot.
        asked: as for `continuation_ratio`.
    """
    reached = targets.flip(-1).cumsum(-1).flip(-1)
    return (logits.sigmoid() * reached - (reached - targets)).masked_fill(~asked, 0)


def poisson_rate(outputs: Tensor) -> Tensor:
    """Returns the mean count that a log rate says."""
    return outputs.clamp_max(MAX_LOG_RATE).exp()


def log_rate_losses(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns half the Poisson deviance of log rates, and its derivative by them.

    Half the deviance is the negative log-likelihood less that of a perfect fit: y log(y / mu) -
    (y - mu) (McCullagh & Nelder, Generalized Linear Models, 1989, 2.3). Above `MAX_LOG_RATE` it
    continues along its tangent.

    Args:
        outputs: any shape, log(mu).
        targets: the same shape, y of 0 or more, in the unit of mu.
    """
    rate = poisson_rate(outputs)
    beyond = (outputs - MAX_LOG_RATE).clamp_min(0)
    loss = torch.xlogy(targets, targets) - targets - targets * outputs + rate * (1 + beyond)
    # Of a near-perfect fit only rounding is left, of either sign.
    return loss.clamp_min(0), rate - targets


def half_deviance(mean: Tensor, counts: Tensor) -> Tensor:
    """Returns half the Poisson deviance of means; see `log_rate_losses`.

    A mean of zero, which a rate comes to only by underflow, counts as the least number above it.
    In double precision whatever theirs: of three large terms a small one is left.
    """
    positive, y = mean.clamp_min(torch.finfo(mean.dtype).tiny).double(), counts.double()
    loss = torch.xlogy(y, y) - torch.xlogy(y, positive) - (y - positive)
    return loss.clamp_min(0).to(mean.dtype)
