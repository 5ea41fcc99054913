"""The axes of every tensor, named once.

R replicates (one fold and one seed each), N rows of the cohort, B rows of a batch, F features,
H units of a layer, T tasks, K outputs of all heads together (one a level, one a value).
"""

from typing import TypeAlias

from torch import Tensor

Features: TypeAlias = Tensor
"""(R, B, F): patient states, scaled for each replicate."""
Outputs: TypeAlias = Tensor
"""(R, B, K): what the heads put out, side by side, in the targets' own scale; see `HeadLayout`."""
Natural: TypeAlias = Tensor
"""(R, B, K): what outputs say: log probabilities of the levels, values in the label's unit."""
Targets: TypeAlias = Tensor
"""(R, B, K): one-hot levels and values, in the same layout as the outputs."""
Losses: TypeAlias = Tensor
"""(R, T): one loss a replicate and task."""
Weights: TypeAlias = Tensor
"""(R, T): what a balancer multiplies the task losses with."""
Gramian: TypeAlias = Tensor
"""(R, T, T): inner products of the task gradients at the last shared layer."""
Keys: TypeAlias = Tensor
"""(R,) int64: the root of each replicate's own stream of random numbers."""
