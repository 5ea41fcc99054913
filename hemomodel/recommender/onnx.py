"""A model as an ONNX graph, for a machine without this package.

It has one input, `design` (N, P), which is what `Model.matrix` returns. Each task with levels has
an output with probabilities (N, L), after temperature scaling. Each task with values has an output
with its natural prediction (N, 1). The name of an output is the name of its task, or `/design` if a
task is named `design`. The names of columns, tasks and levels are in the metadata of the file. The
graph does not contain the rules of the prescription, sets, intervals and the out-of-distribution
flag.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

from hemomodel.network.likelihoods import MAX_LOG_RATE
from hemomodel.recommender.model import Model
from hemomodel.schema.entries import Task
from hemomodel.schema.output_slices import task_slices

__all__ = ["to_onnx"]

_INPUT = "design"
_OPSET = 18
_IR_VERSION = 10  # runtimes from the same years as the opset can read it


@dataclass
class _Graph:
    """Collects nodes and constants."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"/constant{len(self.constants)}"  # task names contain no slash
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(
        self,
        kind: str,
        *inputs: str,
        to: str = "",
        **attributes: Any,
    ) -> str:
        name = to or f"/{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def shaped(self, name: str, *shape: int) -> str:
        return self.add("Reshape", name, self.constant(np.array(shape, dtype=np.int64)))


def to_onnx(model: Model) -> bytes:
    """Returns the graph of a model in single precision."""
    graph = _Graph()
    outputs = _networks(graph, model)
    temperatures = model.fitted.temperatures.astype(np.float32)
    names = []
    for task, columns, temperature in zip(
        model.tasks, task_slices(model.tasks), temperatures, strict=True
    ):
        part = _part(graph, outputs, columns)
        names.append(_pooled(graph, model, task, columns, part, temperature))
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.fitted.schema.name,
            [_value(_INPUT, len(model.fitted.design.names))],
            [_value(name, task.size) for name, task in zip(names, model.tasks, strict=True)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="hemomodel",
    )
    _describe(proto, model)
    checker.check_model(proto)
    return bytes(proto.SerializeToString())


def _networks(graph: _Graph, model: Model) -> str:
    """Adds the networks, and returns the name of their outputs (R, N, K), in their own scale."""
    ensemble = model.ensemble
    (weight, bias), *middle, (last, last_bias) = [
        tuple(part.float().numpy() for part in layer) for layer in ensemble.layers
    ]
    every = ensemble.replicates * ensemble.networks
    flow = graph.add("Gemm", _INPUT, graph.constant(weight), graph.constant(bias))
    flow = graph.add("Relu", flow) if middle else flow
    flow = graph.shaped(flow, -1, every, weight.shape[1] // every)
    flow = graph.add("Transpose", flow, perm=[1, 0, 2])
    for place, (inner, inner_bias) in enumerate(middle, 1):
        flow = graph.add("MatMul", flow, graph.constant(inner))
        flow = graph.add("Add", flow, graph.constant(inner_bias))
        if place < len(middle):
            flow = graph.add("Relu", flow)
    width = last.shape[1] // ensemble.networks
    flow = graph.shaped(flow, ensemble.replicates, ensemble.networks, -1, width)
    flow = graph.add("Transpose", flow, perm=[0, 2, 1, 3])
    flow = graph.shaped(flow, ensemble.replicates, -1, last.shape[1])
    flow = graph.add("MatMul", flow, graph.constant(last))
    outputs = graph.add("Add", flow, graph.constant(last_bias))
    if ensemble.direct is None:
        return outputs
    straight = graph.add("MatMul", _INPUT, graph.constant(ensemble.direct.float().numpy()))
    straight = graph.shaped(straight, -1, ensemble.replicates, last.shape[2])
    return graph.add("Add", outputs, graph.add("Transpose", straight, perm=[1, 0, 2]))


def _part(graph: _Graph, outputs: str, columns: slice) -> str:
    start, end = (graph.constant(np.array([edge])) for edge in (columns.start, columns.stop))
    return graph.add("Slice", outputs, start, end, graph.constant(np.array([2])))


def _pooled(
    graph: _Graph, model: Model, task: Task, columns: slice, part: str, temperature: np.float32
) -> str:
    """Adds the mean prediction of the replicates for a task, and returns its name."""
    over = graph.constant(np.array([0]))
    if task.is_value:
        offset, spread = (
            graph.constant(scale[:, :, columns].float().numpy())
            for scale in (model.ensemble.offset, model.ensemble.spread)
        )
        value = _rate(graph, part) if task.kind == "count" else part
        natural = graph.add("Add", graph.add("Mul", value, spread), offset)
        return graph.add("ReduceMean", natural, over, to=_output(task), keepdims=0)
    chances = (
        _continuation(graph, part, task.size)
        if task.kind == "ordinal"
        else graph.add("Softmax", part, axis=2)
    )
    members = graph.constant(model.committees.astype(np.float32))
    each = graph.add("MatMul", members, graph.shaped(chances, model.ensemble.replicates, -1))
    each = graph.shaped(each, len(model.committees), -1, task.size)
    tiny = graph.constant(np.array(np.finfo(np.float32).tiny))
    log_p = graph.add("Log", graph.add("Max", each, tiny))
    cooled = graph.add("Div", log_p, graph.constant(np.array(temperature)))
    tempered = graph.add("Softmax", cooled, axis=2)
    return graph.add("ReduceMean", tempered, over, to=_output(task), keepdims=0)


def _output(task: Task) -> str:
    return f"/{task.name}" if task.name == _INPUT else task.name


def _rate(graph: _Graph, part: str) -> str:
    """Adds the rates of a count; see `likelihoods.poisson_rate`."""
    highest = graph.constant(np.array(MAX_LOG_RATE, dtype=np.float32))
    return graph.add("Exp", graph.add("Min", part, highest))


def _continuation(graph: _Graph, part: str, levels: int) -> str:
    """Adds the probabilities of ordered levels; see `likelihoods.continuation_ratio`."""
    asked = _part(graph, part, slice(0, levels - 1))
    passed = graph.add("Neg", graph.add("Softplus", graph.add("Neg", asked)))
    stopped = graph.add("Neg", graph.add("Softplus", asked))
    reached = graph.add("CumSum", passed, graph.constant(np.array(2)))
    before, after = (graph.constant(np.array([0, 0, first, 0, 0, 1 - first])) for first in (1, 0))
    chances = graph.add("Add", graph.add("Pad", reached, before), graph.add("Pad", stopped, after))
    return graph.add("Exp", chances)


def _value(name: str, width: int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])


def _describe(proto: ModelProto, model: Model) -> None:
    """Writes the names of columns, tasks and levels into the metadata."""
    tasks = [
        {"name": t.name, "title": t.title, "unit": t.unit, "kind": t.kind, "levels": t.levels,
         "meanings": t.meanings, "transform": t.transform}
        for t in model.tasks
    ]  # fmt: skip
    design = model.fitted.design
    helper.set_model_props(
        proto,
        {
            "features": json.dumps(design.names, ensure_ascii=False),
            "centre": json.dumps(design.centre.tolist()),
            "scale": json.dumps(design.scale.tolist()),
            "tasks": json.dumps(tasks, ensure_ascii=False),
        },
    )
