"""A model as an ONNX graph, for a machine without this package.

It has one input, `design` (N, P), which is what `Model.matrix` returns. Each task with levels has
an output with probabilities (N, L), after temperature scaling. Each task with values has an output
with its natural prediction (N, 1). The name of an output is the name of its task, or `/design` if a
task is named `design`. The names of columns, tasks and levels are in the metadata of the file. The
graph does not contain the rules of the prescription, sets, intervals and the out-of-distribution
flag.
"""

import json

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, checker, helper

from hemomodel.ensemble.onnx_graph import OnnxGraph
from hemomodel.recommender.model import Model
from hemomodel.recommender.onnx_predictors import DESIGN, predictor_nodes
from hemomodel.schema.entries import Task
from hemomodel.schema.output_slices import task_slices

__all__ = ["to_onnx"]


def to_onnx(model: Model) -> bytes:
    """Returns the graph of a model in single precision."""
    graph = OnnxGraph()
    of_task = predictor_nodes(graph, model.ensemble.predictor)
    temperatures = model.fitted.temperatures.astype(np.float32)
    names = []
    for task, columns, temperature in zip(
        model.tasks, task_slices(model.tasks), temperatures, strict=True
    ):
        names.append(_pooled(graph, model, task, of_task(task, columns), temperature))
    proto = graph.model(
        model.fitted.schema.name,
        [_value(DESIGN, len(model.fitted.design.names))],
        [_value(name, task.size) for name, task in zip(names, model.tasks, strict=True)],
    )
    _describe(proto, model)
    checker.check_model(proto)
    return bytes(proto.SerializeToString())


def _pooled(
    graph: OnnxGraph, model: Model, task: Task, predicted: str, temperature: np.float32
) -> str:
    """Adds the mean of the replicates' predictions (R, N, k) of a task, and returns its name."""
    name = f"/{task.name}" if task.name == DESIGN else task.name
    over = np.array([0])
    if task.is_value:
        return graph.add("ReduceMean", predicted, over, to=name, keepdims=0)
    members = model.committees.astype(np.float32)
    each = graph.add("MatMul", members, graph.reshaped(predicted, members.shape[1], -1))
    each = graph.reshaped(each, len(members), -1, task.size)
    log_p = graph.add("Log", graph.add("Max", each, np.array(np.finfo(np.float32).tiny)))
    cooled = graph.add("Div", log_p, np.array(temperature))
    tempered = graph.add("Softmax", cooled, axis=2)
    return graph.add("ReduceMean", tempered, over, to=name, keepdims=0)


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
    props = {
        "features": json.dumps(design.names, ensure_ascii=False),
        "centre": json.dumps(design.centre.tolist()),
        "scale": json.dumps(design.scale.tolist()),
        "tasks": json.dumps(tasks, ensure_ascii=False),
    }
    if design.encoded:
        curves = [curve for columns in design.encoded for curve in columns.curves()]
        props["encoded"] = json.dumps(curves, ensure_ascii=False)
    helper.set_model_props(proto, props)
