"""The format of `model.json`, and the checks of its content when it is loaded."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hemomodel.dataset.design_matrix import DesignMatrix, design_names
from hemomodel.dataset.encoded_columns import encoded_columns
from hemomodel.dataset.preprocessor import block_width, feature_blocks
from hemomodel.dataset.preprocessor_export import learned_shapes
from hemomodel.ensemble.conformal import ConformalScores, kept_scores
from hemomodel.ensemble.fitted_model import FittedModel, ReferencePart
from hemomodel.ensemble.out_of_distribution import TrainingDomain, numeric_positions
from hemomodel.recommender.forest_file import check_forest
from hemomodel.recommender.model_arrays import (
    ModelFileError,
    check_layers,
    check_linear,
    finite_array,
    positive_array,
    rising_array,
    share_array,
)
from hemomodel.schema.schema import Schema

__all__ = ["FORMATS", "LINEAR_PREFIX", "ModelFile", "from_model_file", "to_model_file"]

FORMATS = (1, 2)
"""The formats that can be read; 2 has a reference model."""
LINEAR_PREFIX = "linear."
"""Begins the names of a linear reference model's arrays among the weights."""
_ROWS = 10**12  # an upper limit for counts of rows
_CHECKS = {"scale_": positive_array, "knots_": rising_array, "heights_": share_array}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Scores(_Part):
    count: int = Field(ge=0, le=_ROWS)
    errors: list[float] = Field(alias="kept")


class _TrainingDomain(_Part):
    low: list[float]
    high: list[float]
    seen: list[bool]
    most_missing: int = Field(ge=0, le=_ROWS)
    location: list[float]
    precision: list[list[float]]
    farthest: float = Field(ge=0)


class _Task(_Part):
    name: str
    outputs: int


class _Reference(_Part):
    family: Literal["linear", "forest"]
    weights: list[float]


class ModelFile(_Part):
    """`model.json`: everything except the weights."""

    format: Literal[1, 2]
    about: dict[str, Any]
    tasks: list[_Task]
    feature_set: str
    legacy_age: bool
    switches: list[str] = Field(default_factory=list)
    preprocessing: dict[str, list[Any]]
    offset: list[list[float]]
    spread: list[list[float]]
    centre: list[float]
    scale: list[float]
    committees: list[int]
    temperatures: list[float]
    scores: list[_Scores]
    in_use: list[bool]
    training_domain: _TrainingDomain = Field(alias="familiar")
    table: dict[str, Any]
    reference: _Reference | None = None


def to_model_file(fitted: FittedModel) -> dict[str, Any]:
    """Returns a model as plain data."""
    domain = fitted.training_domain
    every = bool(fitted.switches) and fitted.switches == fitted.schema.feature_switches
    return {
        "format": FORMATS[fitted.reference is not None],
        "about": dict(fitted.about),
        "tasks": [{"name": task.name, "outputs": task.size} for task in fitted.schema.tasks],
        "feature_set": fitted.feature_set,
        "legacy_age": every,
        **({"switches": sorted(fitted.switches)} if fitted.switches and not every else {}),
        "preprocessing": {name: array.tolist() for name, array in fitted.learned.items()},
        "offset": fitted.offset.tolist(),
        "spread": fitted.spread.tolist(),
        "centre": fitted.design.centre.tolist(),
        "scale": fitted.design.scale.tolist(),
        "committees": fitted.committees.tolist(),
        "temperatures": fitted.temperatures.tolist(),
        "scores": [{"count": s.count, "kept": s.errors.tolist()} for s in fitted.scores],
        "in_use": fitted.in_use.tolist(),
        "familiar": {
            "low": domain.low.tolist(),
            "high": domain.high.tolist(),
            "seen": domain.seen.tolist(),
            "most_missing": domain.max_missing,
            "location": domain.location.tolist(),
            "precision": domain.precision.tolist(),
            "farthest": domain.distance_limit,
        },
        "table": fitted.schema.model_dump(mode="json", exclude_defaults=True, exclude={"switches"}),
        **({"reference": _reference_entry(fitted.reference)} if fitted.reference else {}),
    }


def _reference_entry(part: ReferencePart) -> dict[str, Any]:
    family = "forest" if part.linear is None else "linear"
    return {"family": family, "weights": part.weights.tolist()}


def from_model_file(
    stored: ModelFile,
    schema: Schema,
    arrays: dict[str, NDArray[np.floating]],
    forest: bytes | None,
) -> FittedModel:
    """Returns the model from plain data and weights.

    Args:
        stored: the content of `model.json`, with valid fields.
        schema: the validated schema of its table.
        arrays: the weights by name; names and shapes are checked here.
        forest: the content of `forest.onnx`, which is checked here; None if it is not there.

    Raises:
        ModelFileError: data, schema and weights do not match.
        InputError: the schema does not have the feature set.
    """
    tasks = schema.tasks
    if [(task.name, task.outputs) for task in stored.tasks] != [(t.name, t.size) for t in tasks]:
        raise ModelFileError("tasks are not those of the table")
    outputs = sum(task.size for task in tasks)
    replicates = len(stored.offset)
    widths = (_width(schema, stored.feature_set), outputs)
    layers = {name: a for name, a in arrays.items() if not name.startswith(LINEAR_PREFIX)}
    if layers or stored.reference is None:
        check_layers(layers, replicates, len(tasks), widths)
    committees = finite_array("committees", stored.committees, (replicates,)).astype(np.int64)
    linear = {
        name.removeprefix(LINEAR_PREFIX): a for name, a in arrays.items() if name not in layers
    }
    reference = _reference(stored.reference, committees, linear, forest, (len(tasks), *widths))
    quantities, codes = design_names(schema, stored.feature_set)
    count = len(quantities)
    learned = _learned(stored, schema, replicates)
    if len(stored.scores) != len(tasks):
        raise ModelFileError(f"scores has {len(stored.scores)} entries, not {len(tasks)}")
    design = DesignMatrix(
        quantities,
        codes,
        finite_array("centre", stored.centre, (count,)),
        positive_array("scale", stored.scale, (count,)),
        encoded_columns(schema, stored.feature_set, quantities, learned),
    )
    return FittedModel(
        schema=schema,
        feature_set=stored.feature_set,
        switches=_switches(stored, schema),
        about=stored.about,
        layers=layers,
        learned=learned,
        offset=finite_array("offset", stored.offset, (replicates, outputs)),
        spread=positive_array("spread", stored.spread, (replicates, outputs)),
        design=design,
        committees=committees,
        temperatures=positive_array("temperatures", stored.temperatures, (len(tasks),)),
        scores=tuple(map(_scores, stored.scores)),
        in_use=finite_array("in_use", stored.in_use, (outputs,)) > 0,
        training_domain=_training_domain(stored.training_domain, schema, design),
        reference=reference,
    )


def _reference(
    stored: _Reference | None,
    committees: NDArray[np.int64],
    linear: dict[str, NDArray[np.floating]],
    forest: bytes | None,
    sizes: tuple[int, int, int],
) -> ReferencePart | None:
    """Returns the checked reference model.

    Args:
        stored: its entry in `model.json`.
        committees: (R,), of the model.
        linear: its arrays, without their prefix.
        forest: its graph.
        sizes: the numbers of tasks, features and outputs.
    """
    if bool(linear) != (stored is not None and stored.family == "linear"):
        raise ModelFileError("the arrays of a linear model and its entry do not match")
    if stored is None:
        return None
    tasks, features, outputs = sizes
    weights = finite_array("reference weights", stored.weights, (tasks,))
    folds = len(np.unique(committees))
    if (committees[:folds] != np.arange(folds)).any():
        raise ModelFileError("committees do not begin with the folds of the reference model")
    if ((weights < 0) | (weights > 1)).any():
        raise ModelFileError("reference weights are not within 0 and 1")
    if stored.family == "linear":
        check_linear(linear, (folds, features, outputs))
        return ReferencePart(weights, linear=linear)
    if forest is None:
        raise ModelFileError("forest.onnx is not there")
    check_forest(forest, (folds, features, outputs))
    return ReferencePart(weights, forest=forest)


def _switches(stored: ModelFile, schema: Schema) -> frozenset[str]:
    """Returns the switches that were on; `legacy_age` means all switches of the schema."""
    known = schema.feature_switches
    if stored.legacy_age and not known:
        raise ModelFileError("the table has no legacy formula for legacy_age")
    if unknown := set(stored.switches) - known:
        raise ModelFileError(f"the table has no switch {min(unknown)!r}")
    return known if stored.legacy_age else frozenset(stored.switches)


def _training_domain(
    parts: _TrainingDomain, schema: Schema, design: DesignMatrix
) -> TrainingDomain:
    count, numbers = len(design.quantities), len(numeric_positions(schema, design))
    return TrainingDomain(
        low=finite_array("familiar.low", parts.low, (count,)),
        high=finite_array("familiar.high", parts.high, (count,)),
        seen=finite_array("familiar.seen", parts.seen, (len(design.codes),)) > 0,
        max_missing=parts.most_missing,
        location=finite_array("familiar.location", parts.location, (numbers,)),
        precision=finite_array("familiar.precision", parts.precision, (numbers, numbers)),
        distance_limit=parts.farthest,
    )


def _width(schema: Schema, feature_set: str) -> int:
    """Returns the number of features of a set, without creating their names."""
    return sum(block_width(schema, block) for block in feature_blocks(schema, feature_set))


def _scores(stored: _Scores) -> ConformalScores:
    errors = finite_array("scores", stored.errors, (kept_scores(stored.count),))
    if (np.diff(errors) < 0).any():
        raise ModelFileError("scores are not in ascending order")
    return ConformalScores(stored.count, errors)


def _learned(stored: ModelFile, schema: Schema, replicates: int) -> dict[str, NDArray[np.float64]]:
    """Returns the preprocessing numbers of each replicate, named as by `export_preprocessor`."""
    shapes = learned_shapes(schema, stored.feature_set)
    if set(shapes) != set(stored.preprocessing):
        raise ModelFileError(
            f"preprocessing does not have the blocks of feature set {stored.feature_set!r}"
        )
    return {
        name: _CHECKS.get(name.rpartition(".")[2], finite_array)(
            f"preprocessing {name}", stored.preprocessing[name], (replicates, *shape)
        )
        for name, shape in shapes.items()
    }
