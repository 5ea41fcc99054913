"""Inner products of the tasks' gradients at the last shared layer, in closed form."""

from torch import Tensor

from hemomodel.heads import HeadLayout
from hemomodel.network import StackedNetwork
from hemomodel.shapes import Gramian, Outputs

__all__ = ["task_gramian"]


def task_gramian(
    network: StackedNetwork, flow: list[Tensor], slopes: Outputs, layout: HeadLayout
) -> Gramian:
    """Returns K = J J^T, where row i of J is the gradient of task i by the last shared weights.

    The heads are linear, so a task's gradient at the trunk's output is its slopes times its head,
    and its gradient by the last shared weights is the product of that with the layer's input.
    The bias of that layer is not counted, as in GradNorm (Chen et al., ICML 2018, section 3.1).

    Args:
        network: the stacked network.
        flow: what `network.forward` returned; flow[-3] enters the last shared layer.
        slopes: (R, B, K), each task's derivative by its outputs.
        layout: which output belongs to which task.

    Returns:
        (R, T, T), symmetric and positive semi-definite.
    """
    inputs, heads = flow[-3], network.weights[-1]
    replicates, rows, _ = slopes.shape
    tasks, shared = layout.member.shape[1], heads.shape[1]
    by_task = slopes.unsqueeze(1) * layout.member.T.unsqueeze(1)  # (R, T, B, K)
    at_output = by_task.flatten(1, 2) @ heads.mT  # (R, T * B, H)
    if tasks * rows**2 < shared * inputs.shape[2]:
        # Few rows: K_ij sums (d_i . d_j)(h . h) over pairs of rows, without the Jacobian.
        pairs = (at_output @ at_output.mT).view(replicates, tasks, rows, tasks, rows)
        alike = (inputs @ inputs.mT).view(replicates, 1, rows, 1, rows)
        return (pairs * alike).sum((2, 4))
    at_output = at_output.view(replicates, tasks, rows, shared).mT.reshape(replicates, -1, rows)
    jacobian = (at_output @ inputs).view(replicates, tasks, -1)
    return jacobian @ jacobian.mT
