"""An ONNX graph that is built node by node."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

__all__ = ["OPSETS", "OnnxGraph"]

OPSETS: Mapping[str, int] = {"": 18, "ai.onnx.ml": 3}
"""The versions of the operators, by domain."""
_IR_VERSION = 10  # runtimes from the same years as the opset can read it


class OnnxGraph:
    """Collects nodes and constants. Generated names begin with a slash, which no task name has."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, kind: str, *inputs: str | NDArray[Any], to: str = "", **attributes: Any) -> str:
        """Adds a node, and returns the name of its output.

        Args:
            kind: the operator.
            inputs: names, or arrays, which become constants.
            to: the name of the output; by default a new one.
            attributes: of the operator.
        """
        names = [part if isinstance(part, str) else self._constant(part) for part in inputs]
        name = to or f"/{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [name], **attributes))
        return name

    def _constant(self, value: NDArray[Any]) -> str:
        name = f"/constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def reshaped(self, name: str, *shape: int) -> str:
        """Adds a change of the shape."""
        return self.add("Reshape", name, np.array(shape, dtype=np.int64))

    def part(self, name: str, columns: slice) -> str:
        """Adds a slice of the last dimension of (R, N, K)."""
        start, end = (np.array([edge]) for edge in (columns.start, columns.stop))
        return self.add("Slice", name, start, end, np.array([2]))

    def model(
        self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]
    ) -> ModelProto:
        """Returns the model with these inputs and outputs."""
        domains = {"", *(node.domain for node in self.nodes)}
        return helper.make_model(
            helper.make_graph(self.nodes, name, inputs, outputs, self.constants),
            opset_imports=[
                helper.make_opsetid(domain, version)
                for domain, version in OPSETS.items()
                if domain in domains
            ],
            ir_version=_IR_VERSION,
            producer_name="hemomodel",
        )
