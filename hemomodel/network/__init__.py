"""The stacked network, its losses and its explicit backward pass.

Input: tensors. Output: losses, gradients and the Gramian of the task gradients. The package does
not depend on any balancer. Read `stacked.py` first, then `heads.py` and `gramian.py`.
"""

from hemomodel.network.gradients import TaskGradients
from hemomodel.network.gramian import task_gramian, task_norms, trunk_gramian
from hemomodel.network.heads import HeadLayout
from hemomodel.network.single_task import SingleTaskNetworks
from hemomodel.network.stacked import StackedNetwork

__all__ = [
    "HeadLayout",
    "SingleTaskNetworks",
    "StackedNetwork",
    "TaskGradients",
    "task_gramian",
    "task_norms",
    "trunk_gramian",
]
