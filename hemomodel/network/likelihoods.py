"""Likelihoods of ordered levels and of counts. Other outputs need a softmax or no function."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, pad

__all__ = [
    "MAX_LOG_RATE",
    "continuation_logits",
    "continuation_ratio",
    "continuation_slopes",
    "half_deviance",
    "log_rate_losses",
    "poisson_rate",
]

MAX_LOG_RATE = 20.0  # e^20 = 5e8 times the scale: above any count; its square fits a float32


def continuation_ratio(logits: Tensor, asked: Tensor) -> Tensor:
    """Returns log probabilities (..., T, L) of ordered levels.

    The logit z_j of each level except the last gives P(level > j | level >= j) = sigmoid(z_j), so
    that log p_j = log sigmoid(-z_j) + sum over k < j of log sigmoid(z_k).
    These are the continuation ratios (Fienberg, The Analysis of Cross-Classified Categorical Data,
    1980). Each ratio has its own weights, as in CORN (Shi, Cao & Raschka, arXiv:2111.08851).

    Args:
        logits: (..., T, L).
        asked: (T, L) bool, true for all levels except the last; logits elsewhere are not read.
    """
    passed = logsigmoid(logits).masked_fill(~asked, 0)
    stopped = logsigmoid(-logits).masked_fill(~asked, 0)
    return stopped + pad(passed, (1, -1)).cumsum(-1)


def continuation_logits(log_p: Tensor, asked: Tensor) -> Tensor:
    """Returns the logits (..., T, L) of which `continuation_ratio` makes these log probabilities.

    Args:
        log_p: (..., T, L), log probabilities above minus infinity; minus infinity as padding.
        asked: as for `continuation_ratio`; the logits elsewhere are zero.
    """
    reached = log_p.flip(-1).logcumsumexp(-1).flip(-1)  # log P(level >= j)
    passed = pad(reached[..., 1:], (0, 1), value=-torch.inf)  # log P(level > j)
    return torch.where(asked, passed - log_p, 0.0)


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
    """Returns the mean count of a log rate; the log rate is limited to `MAX_LOG_RATE`."""
    return outputs.clamp_max(MAX_LOG_RATE).exp()


def log_rate_losses(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns half the Poisson deviance of log rates, and its derivative by the log rates.

    Half the deviance is the negative log-likelihood minus that of a perfect fit: y log(y / mu) -
    (y - mu) (McCullagh & Nelder, Generalized Linear Models, 1989, 2.3). Above `MAX_LOG_RATE` it
    is replaced by its tangent.

    Args:
        outputs: any shape, log(mu).
        targets: the same shape, y of 0 or more, in the unit of mu.
    """
    rate = poisson_rate(outputs)
    beyond = (outputs - MAX_LOG_RATE).clamp_min(0)
    loss = torch.xlogy(targets, targets) - targets - targets * outputs + rate * (1 + beyond)
    # For a near-perfect fit only rounding error is left, which can be negative.
    return loss.clamp_min(0), rate - targets


def half_deviance(mean: Tensor, counts: Tensor) -> Tensor:
    """Returns half the Poisson deviance of means; see `log_rate_losses`.

    A mean of zero, which a rate reaches only by underflow, is replaced by the smallest normal
    number. The computation is in double precision for any dtype: three large terms leave a small
    sum.
    """
    positive, y = mean.clamp_min(torch.finfo(mean.dtype).tiny).double(), counts.double()
    loss = torch.xlogy(y, y) - torch.xlogy(y, positive) - (y - positive)
    return loss.clamp_min(0).to(mean.dtype)
