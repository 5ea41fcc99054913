"""The types and axes of all tensors.

R replicates (one fold and one seed each), N rows of the cohort, B rows of a batch, F features,
H units of a layer, T tasks, K outputs of all heads (one per level or value).
"""

from typing import TypeAlias

from torch import Tensor

Features: TypeAlias = Tensor
"""(R, B, F): patient states, scaled per replicate."""
Outputs: TypeAlias = Tensor
"""(R, B, K): outputs of all heads, side by side, in the scale of the targets; see `HeadLayout`."""
Natural: TypeAlias = Tensor
"""(R, B, K): predictions: log probabilities of the levels, values in the label's unit."""
Targets: TypeAlias = Tensor
"""(R, B, K): one-hot levels and values, in the same layout as the outputs."""
Losses: TypeAlias = Tensor
"""(R, T): one loss per replicate and task."""
Weights: TypeAlias = Tensor
"""(R, T): the factors of the task losses, from a balancer."""
Gramian: TypeAlias = Tensor
"""(R, T, T): inner products of the task gradients at the last shared layer."""
Keys: TypeAlias = Tensor
"""(R,) int64: the root key of each replicate's stream of random numbers."""
