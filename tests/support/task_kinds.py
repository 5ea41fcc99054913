"""The built-in cohort with tasks of all five kinds, and their losses by torch's own functions."""

from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from hemomodel import Cohort
from hemomodel.schema.schema import Schema

_KINDS = {
    "session_time": "ordinal",
    "dialysate_flow": "count",
    "calcium": "ordinal",
    "potassium": "binary",
}


def schema_of_all_kinds(schema: Schema) -> Schema:
    """Returns the built-in schema in which some tasks are of other kinds."""
    columns = [
        column.model_copy(update={"task": column.task.model_copy(update={"kind": kind})})
        if (kind := _KINDS.get(column.english))
        else column
        for column in schema.columns
    ]
    fields = {name: getattr(schema, name) for name in Schema.model_fields}
    return Schema(**fields | {"columns": columns})


def of_all_kinds(cohort: Cohort) -> Cohort:
    """Returns the built-in cohort with tasks of all five kinds.

    Its count is drawn from a Poisson distribution; the mean depends on the Bayes prediction of the
    blood flow.
    """
    schema = schema_of_all_kinds(cohort.schema)
    names = [task.name for task in schema.tasks]
    starts = np.cumsum([0, *(task.size for task in schema.tasks)])
    flow, count = names.index("blood_flow"), names.index("dialysate_flow")
    mean = np.exp((cohort.bayes_prediction[:, starts[flow]] - 250) / 40)
    labels, optimum = cohort.labels.copy(), cohort.bayes_prediction.copy()
    labels[:, count] = np.random.default_rng(0).poisson(mean)
    optimum[:, starts[count]] = mean
    return replace(cohort, schema=schema, labels=labels, bayes_prediction=optimum)


def with_gaps(cohort: Cohort) -> Cohort:
    """Returns a cohort in which each task lacks labels in different rows; some rows have none."""
    labels = cohort.labels.copy()
    labels[np.random.default_rng(1).random(labels.shape) < 0.15] = np.nan
    labels[::11] = np.nan
    return replace(cohort, labels=labels)


def ordinary_loss(kind: str, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Returns the mean loss of one task's outputs (B, L) by torch's own functions."""
    match kind:
        case "regression":
            return functional.mse_loss(outputs, targets)
        case "count":
            nll = functional.poisson_nll_loss(outputs, targets, log_input=True)
            return nll - (targets - torch.xlogy(targets, targets)).mean()
        case "ordinal":
            return _one_question_after_the_other(outputs, targets.argmax(1))
    return functional.cross_entropy(outputs, targets.argmax(1))


def _one_question_after_the_other(logits: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """One logistic regression per level: which of the rows that have reached it also pass it?"""
    total = torch.zeros(())
    for question in range(logits.shape[1] - 1):
        here = level >= question
        total = total + functional.binary_cross_entropy_with_logits(
            logits[here, question], (level[here] > question).to(logits), reduction="sum"
        )
    return total / len(level)
