"""The stacked network, its losses and its written-out backward pass.

Tensors come in; losses, gradients and the Gramian of the task gradients go out. It knows no
balancer. Open `stacked.py` first, then `heads.py` and `gramian.py`.
"""
