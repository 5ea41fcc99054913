"""Checks `forest.onnx`: it must be a graph as `ensemble.forest_graph` writes it."""

from typing import Any

import numpy as np
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto, NodeProto, TensorProto, checker, helper

from hemomodel.ensemble.forest_graph import FEATURES, PREDICTIONS
from hemomodel.ensemble.onnx_graph import OPSETS
from hemomodel.recommender.model_arrays import ModelFileError

__all__ = ["check_forest"]

_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
_OPERATORS = {"Add", "Concat", "Gather", "MatMul", "Unsqueeze", *_TREES}


def check_forest(content: bytes, sizes: tuple[int, int, int]) -> None:
    """Checks that a graph can be evaluated, and that it has the right inputs and outputs.

    Args:
        content: of the file.
        sizes: the numbers of folds, features and outputs.

    Raises:
        ModelFileError: it is not such a graph.
    """
    try:
        proto = ModelProto.FromString(content)
        checker.check_model(proto)
    except (DecodeError, checker.ValidationError) as error:
        raise ModelFileError(f"forest.onnx is not an ONNX graph: {error}") from None
    folds, features, outputs = sizes
    ends = {FEATURES: (folds, features), PREDICTIONS: (folds, outputs)}
    if _ends(proto) != ends:
        raise ModelFileError(f"forest.onnx has other inputs and outputs than {ends}")
    if any(OPSETS.get(opset.domain) != opset.version for opset in proto.opset_import):
        raise ModelFileError("forest.onnx has other versions of the operators")
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in proto.graph.initializer):
        raise ModelFileError("forest.onnx refers to another file")
    for node in proto.graph.node:
        if node.op_type not in _OPERATORS:
            raise ModelFileError(f"forest.onnx contains the operator {node.op_type[:40]}")
        if node.op_type in _TREES:
            _check_trees(node, features)


def _ends(proto: ModelProto) -> dict[str, tuple[int, int]]:
    """Returns the first and the last dimension of each input and output, by name."""
    ends = {}
    for value in (*proto.graph.input, *proto.graph.output):
        sizes = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        ends[value.name] = (sizes[0], sizes[-1]) if sizes else (0, 0)
    return ends


def _check_trees(node: NodeProto, features: int) -> None:
    """Checks that branches read a feature and lead to later nodes of their tree, which has an end.

    ONNX Runtime does not check the number of a feature.
    """
    parts: dict[str, Any] = {part.name: helper.get_attribute_value(part) for part in node.attribute}
    is_branch = np.array(parts["nodes_modes"]) != b"LEAF"
    trees, numbers, columns = (
        np.array(parts[f"nodes_{name}"]) for name in ("treeids", "nodeids", "featureids")
    )
    sizes = np.bincount(trees)
    for name in ("nodes_truenodeids", "nodes_falsenodeids"):
        following = np.array(parts[name])[is_branch]
        if (following <= numbers[is_branch]).any() or (following >= sizes[trees[is_branch]]).any():
            raise ModelFileError("forest.onnx contains a tree whose branches do not lead to an end")
    if ((columns < 0) | (columns >= features)).any():
        raise ModelFileError(f"forest.onnx reads a feature that is not one of {features}")
