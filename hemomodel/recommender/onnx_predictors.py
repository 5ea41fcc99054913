"""The nodes of an ONNX graph that compute the predictions of the replicates."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
from onnx import load_from_string
from onnx.compose import add_prefix_graph

from hemomodel.ensemble.blend import Blend
from hemomodel.ensemble.forest_graph import FEATURES, PREDICTIONS
from hemomodel.ensemble.linear_models import LinearModels
from hemomodel.ensemble.networks import Networks
from hemomodel.ensemble.onnx_graph import OnnxGraph
from hemomodel.ensemble.predictor import Predictor
from hemomodel.network.likelihoods import MAX_LOG_RATE
from hemomodel.schema.entries import Task

if TYPE_CHECKING:
    from hemomodel.ensemble.forests import Forests  # imports ONNX Runtime (slow)

__all__ = ["DESIGN", "predictor_nodes"]

DESIGN = "design"
"""The input of the graph, (N, P)."""
_FOREST = "/forest/"

TaskNodes: TypeAlias = Callable[[Task, slice], str]
"""Adds the probabilities or natural values (R, N, k) of a task, and returns their name.

It takes the task and its columns.
"""


def predictor_nodes(graph: OnnxGraph, predictor: Predictor) -> TaskNodes:
    """Adds a predictor, and returns what adds the prediction of a task."""
    if isinstance(predictor, Networks):
        return _networks(graph, predictor)
    if isinstance(predictor, LinearModels):
        return _linear_models(graph, predictor)
    if isinstance(predictor, Blend):
        return _blend(graph, predictor)
    return _forests(graph, cast("Forests", predictor))


def _networks(graph: OnnxGraph, networks: Networks) -> TaskNodes:
    outputs = _network_outputs(graph, networks)

    def of_task(task: Task, columns: slice) -> str:
        part = graph.part(outputs, columns)
        if not task.is_value:
            return _chances(graph, task, part)
        value = _rate(graph, part) if task.kind == "count" else part
        spread, offset = (
            scale[:, :, columns].float().numpy() for scale in (networks.spread, networks.offset)
        )
        return graph.add("Add", graph.add("Mul", value, spread), offset)

    return of_task


def _network_outputs(graph: OnnxGraph, networks: Networks) -> str:
    """Adds the networks, and returns the name of their outputs (R, N, K), in their own scale."""
    (weight, bias), *middle, (last, last_bias) = [
        tuple(part.float().numpy() for part in layer) for layer in networks.layers
    ]
    every = networks.replicates * networks.networks
    flow = graph.add("Gemm", DESIGN, weight, bias)
    flow = graph.add("Relu", flow) if middle else flow
    flow = graph.reshaped(flow, -1, every, weight.shape[1] // every)
    flow = graph.add("Transpose", flow, perm=[1, 0, 2])
    for place, (inner, inner_bias) in enumerate(middle, 1):
        flow = graph.add("Add", graph.add("MatMul", flow, inner), inner_bias)
        if place < len(middle):
            flow = graph.add("Relu", flow)
    width = last.shape[1] // networks.networks
    flow = graph.reshaped(flow, networks.replicates, networks.networks, -1, width)
    flow = graph.add("Transpose", flow, perm=[0, 2, 1, 3])
    flow = graph.reshaped(flow, networks.replicates, -1, last.shape[1])
    outputs = graph.add("Add", graph.add("MatMul", flow, last), last_bias)
    if networks.direct is None:
        return outputs
    straight = graph.add("MatMul", DESIGN, networks.direct.float().numpy())
    straight = graph.reshaped(straight, -1, networks.replicates, last.shape[2])
    return graph.add("Add", outputs, graph.add("Transpose", straight, perm=[1, 0, 2]))


def _linear_models(graph: OnnxGraph, models: LinearModels) -> TaskNodes:
    outputs = graph.add("MatMul", DESIGN, models.weight.float().numpy())
    outputs = graph.reshaped(outputs, -1, models.replicates, models.bias.shape[2])
    outputs = graph.add("Transpose", outputs, perm=[1, 0, 2])
    outputs = graph.add("Add", outputs, models.bias.float().numpy())

    def of_task(task: Task, columns: slice) -> str:
        value = graph.part(outputs, columns)
        if not task.is_value:
            value = graph.add("Softmax", value, axis=2)
        elif task.kind == "count":
            value = _rate(graph, value)
        scale, shift = (
            part[:, :, columns].float().numpy() for part in (models.scale, models.shift)
        )
        return graph.add("Add", graph.add("Mul", value, scale), shift)

    return of_task


def _forests(graph: OnnxGraph, forests: "Forests") -> TaskNodes:
    features = graph.add("MatMul", DESIGN, forests.linear.float().numpy())
    graph.add("Add", features, forests.shift.float().numpy(), to=_FOREST + FEATURES)
    trees = add_prefix_graph(load_from_string(forests.graph).graph, _FOREST)
    graph.nodes.extend(trees.node)
    graph.constants.extend(trees.initializer)
    return lambda _, columns: graph.part(_FOREST + PREDICTIONS, columns)


def _blend(graph: OnnxGraph, blend: Blend) -> TaskNodes:
    networks = predictor_nodes(graph, blend.networks)
    reference = predictor_nodes(graph, blend.reference)

    def of_task(task: Task, columns: slice) -> str:
        name = networks(task, columns)
        other = graph.add("Gather", reference(task, columns), blend.folds.numpy(), axis=0)
        weight = blend.weights[columns].float().numpy()
        return graph.add("Add", name, graph.add("Mul", graph.add("Sub", other, name), weight))

    return of_task


def _chances(graph: OnnxGraph, task: Task, part: str) -> str:
    if task.kind != "ordinal":
        return graph.add("Softmax", part, axis=2)
    return _continuation(graph, part, task.size)


def _rate(graph: OnnxGraph, part: str) -> str:
    """Adds the rates of a count; see `likelihoods.poisson_rate`."""
    return graph.add("Exp", graph.add("Min", part, np.array(MAX_LOG_RATE, dtype=np.float32)))


def _continuation(graph: OnnxGraph, part: str, levels: int) -> str:
    """Adds the probabilities of ordered levels; see `likelihoods.continuation_ratio`."""
    asked = graph.part(part, slice(0, levels - 1))
    passed = graph.add("Neg", graph.add("Softplus", graph.add("Neg", asked)))
    stopped = graph.add("Neg", graph.add("Softplus", asked))
    reached = graph.add("CumSum", passed, np.array(2))
    before, after = (np.array([0, 0, first, 0, 0, 1 - first]) for first in (1, 0))
    chances = graph.add("Add", graph.add("Pad", reached, before), graph.add("Pad", stopped, after))
    return graph.add("Exp", chances)
