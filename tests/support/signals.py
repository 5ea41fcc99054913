"""Signals of given gradients, and a balancer's first step on them."""

import torch

from hemomodel.balancers._base import Signals


def signals_of(jacobian, losses=None, **others):
    """Returns the signals of gradients (R, T, D); the losses are 1, 2, ... if not given."""
    gramian = jacobian @ jacobian.mT
    if losses is None:
        losses = 1 + torch.arange(jacobian.shape[1]).expand(gramian.shape[:2]).to(gramian.dtype)
    return Signals(losses, lambda: gramian, **others)


def first_weights(balancer, given):
    """Returns the weights of a first step, and the solver's figures."""
    weights, state = balancer.weigh(given, balancer.init(given.losses))
    return weights, balancer.health(state)
