"""Forests of R replicates that read one design matrix; ONNX Runtime evaluates their trees."""

import onnxruntime
import torch
from onnxruntime.capi import onnxruntime_pybind11_state as errors
from torch import Tensor

from hemomodel.arrays import Floats
from hemomodel.ensemble.forest_graph import FEATURES

__all__ = ["Forests"]

_REFUSALS = (
    errors.Fail, errors.InvalidArgument, errors.InvalidGraph, errors.NotImplemented,
    errors.RuntimeException,
)  # fmt: skip


class Forests:
    """A `Predictor` of forests.

    Attributes:
        linear, shift: (R, P, F) and (R, 1, F), the preprocessing of each replicate.
        graph: from `forest_graph`.
    """

    def __init__(
        self,
        preprocessing: tuple[Floats, Floats],
        graph: bytes,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Prepares the graph.

        Args:
            preprocessing: map (R, P, F) and shift (R, F), from `folded_preprocessing`.
            graph: from `forest_graph`.
            dtype: of the predictions; trees are evaluated in single precision.

        Raises:
            ValueError: ONNX Runtime cannot evaluate the graph.
        """
        linear, shift = (torch.from_numpy(part) for part in preprocessing)
        self.linear, self.shift, self.graph = linear, shift.unsqueeze(1), graph
        self.dtype = dtype
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # tables are predicted in parts, one per core
        options.log_severity_level = 4
        self.replicates = len(linear)
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
            self.predictions(torch.zeros(1, linear.shape[1]))
        except _REFUSALS as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"ONNX Runtime cannot evaluate the forests: {reason}") from error
        self.numbers_per_row = self.replicates * linear.shape[2]

    def predictions(self, design: Tensor) -> Tensor:
        """Returns probabilities and values (R, m, K) for a design (m, P)."""
        features = (design.double() @ self.linear + self.shift).float().numpy()
        (predicted,) = self._session.run(None, {FEATURES: features})
        return torch.from_numpy(predicted).to(self.dtype)
