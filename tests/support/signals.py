"""Made-up signals for balancers, and a few steps on them."""

import torch

from hemomodel.balancers._base import Signals

T = 4
REGRESSION = torch.tensor([False, True, False, True])


def signals(seed, replicates=3, step=0, present=None):
    """Returns losses and the Gramian of random gradients, zero where a task is absent."""
    generator = torch.Generator().manual_seed(seed * 1000 + step)
    losses = torch.rand(replicates, T, generator=generator, dtype=torch.float64) * 3 + 1e-3
    jacobian = torch.randn(replicates, T, 9, generator=generator, dtype=torch.float64)
    if present is not None:
        losses, jacobian = losses * present, jacobian * present.unsqueeze(2)
    keys = torch.arange(replicates) + seed
    return Signals(losses, lambda: jacobian @ jacobian.mT, REGRESSION, present=present, keys=keys)


def run(balancer, make, steps=4):
    """Returns the weights of some steps, and the memory after them."""
    state = balancer.init(make(0).losses)
    found = []
    for step in range(steps):
        weights, state = balancer.weigh(make(step), state)
        state = balancer.after_step(lambda step=step: make(step + 1).losses, state)
        found.append(weights)
        if step == 1:
            state = balancer.end_epoch(state)
    return torch.stack(found), state
