"""Fitted forests of R replicates as one ONNX graph, which needs no pickle.

The graph has one input, `features` (R, N, F), and one output, `predictions` (R, N, K):
probabilities and values.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, ValueInfoProto, checker, helper

from hemomodel.arrays import Floats
from hemomodel.ensemble.onnx_graph import OPSETS, OnnxGraph
from hemomodel.training.reference_problem import FittedTask

__all__ = ["FEATURES", "PREDICTIONS", "forest_graph"]

FEATURES, PREDICTIONS = "features", "predictions"


def forest_graph(fitted: Sequence[Sequence[FittedTask]], width: int) -> bytes:
    """Returns the graph of fitted forests, in single precision, which the trees use too.

    Args:
        fitted: R replicates of T tasks.
        width: F.
    """
    graph, replicates = OnnxGraph(), []
    for place, tasks in enumerate(fitted):
        x = graph.add("Gather", FEATURES, np.array(place), axis=0)
        parts = [_task(graph, task, x, width) for task in tasks]
        every = graph.add("Concat", *parts, axis=1)
        replicates.append(graph.add("Unsqueeze", every, np.array([0])))
    graph.add("Concat", *replicates, to=PREDICTIONS, axis=0)
    outputs = sum(len(task.scale) for task in fitted[0])
    return _model(graph, len(fitted), width, outputs)


def _task(graph: OnnxGraph, task: FittedTask, x: str, width: int) -> str:
    """Adds the prediction (N, k) of one task, and returns its name."""
    size = len(task.scale)
    # Maps the columns that scikit-learn was fitted to, to all k columns.
    spread: Floats = np.zeros((len(task.columns), size), dtype=np.float32)
    if task.estimator is None:
        outputs = graph.add("MatMul", x, np.zeros((width, len(task.columns)), dtype=np.float32))
    else:
        outputs = _trees(graph, task.estimator, x, width)
        spread[range(len(task.columns)), task.columns] = task.scale[task.columns]
    outputs = graph.add("MatMul", outputs, spread)
    return graph.add("Add", outputs, task.shift.astype(np.float32))


def _trees(graph: OnnxGraph, estimator: Any, x: str, width: int) -> str:
    """Adds the trees of an estimator, and returns the name of their mean (N, columns)."""
    from skl2onnx import to_onnx  # slow
    from skl2onnx.common.data_types import FloatTensorType

    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    kind = [("x", FloatTensorType([None, width]))]
    proto = to_onnx(estimator, initial_types=kind, options=options, target_opset=dict(OPSETS))
    (node,) = proto.graph.node
    node.input[0] = x
    names = [f"/trees{len(graph.nodes)}_{place}" for place in range(len(node.output))]
    node.output[:], node.name = names, names[-1]
    graph.nodes.append(node)
    return names[-1]  # of a classifier: the label, then the probabilities


def _model(graph: OnnxGraph, replicates: int, width: int, outputs: int) -> bytes:
    def value(name: str, size: int) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [replicates, "N", size])

    proto = graph.model("forests", [value(FEATURES, width)], [value(PREDICTIONS, outputs)])
    checker.check_model(proto)
    return bytes(proto.SerializeToString())
