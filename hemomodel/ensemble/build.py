"""Builds a model that can be exported, from trained networks and their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor

from hemomodel.arrays import Floats, Mask
from hemomodel.cohort.cohort import Cohort
from hemomodel.dataset.design_matrix import fit_design_matrix
from hemomodel.dataset.preprocessor_export import export_preprocessor
from hemomodel.dataset.stack import Stack
from hemomodel.ensemble.blend import blended, fit_blend
from hemomodel.ensemble.conformal import conformal_scores
from hemomodel.ensemble.ensemble import Ensemble
from hemomodel.ensemble.fitted_model import FittedModel, ReferencePart
from hemomodel.ensemble.forest_graph import forest_graph
from hemomodel.ensemble.linear_models import linear_arrays
from hemomodel.ensemble.out_of_distribution import fit_domain
from hemomodel.ensemble.predictor import Predictor
from hemomodel.ensemble.predictors import predictor_of, reference_of
from hemomodel.ensemble.temperature_scaling import apply_temperatures, fit_temperatures
from hemomodel.errors import InputError
from hemomodel.network.stacked import parameter_views
from hemomodel.schema.output_slices import is_value_mask
from hemomodel.training.fit_config import FitConfig
from hemomodel.training.reference_problem import FittedTask

__all__ = ["build_model", "build_reference_model", "config_as_dict", "reference_part"]


def build_model(
    cohort: Cohort,
    config: FitConfig,
    stack: Stack,
    parameters: Tensor,
    *,
    about: Mapping[str, Any] | None = None,
    blend: ReferencePart | None = None,
) -> FittedModel:
    """Returns trained networks with everything that an exported model needs.

    Temperatures, sets and intervals are computed from the development rows. Each row is predicted
    by the replicates that did not train on it. Held-out rows are not used.

    Args:
        cohort: the cohort from which the stack was prepared.
        config: the configuration of the networks.
        stack: the stack that they were trained on, including held-out rows.
        parameters: the networks' flat buffer.
        about: plain data to store with the model.
        blend: a reference model to blend with the networks, from `reference_part`. Its weights
            are fitted to the same out-of-fold rows.

    Raises:
        InputError: the stack does not have all rows of the cohort.
    """
    layers = _layers(config, stack, parameters)
    plain = {"configuration": config_as_dict(config), **(about or {})}
    fitted = _uncalibrated(cohort, config.features, stack, layers, plain)
    return _calibrated(fitted, cohort, stack, blend)


def build_reference_model(
    cohort: Cohort,
    features: str,
    stack: Stack,
    part: ReferencePart,
    *,
    about: Mapping[str, Any] | None = None,
) -> FittedModel:
    """Returns a reference model with everything that an exported model needs.

    Args:
        cohort: the cohort from which the stack was prepared.
        features: the feature set of the stack.
        stack: the folds of one seed, on which the models were fitted, including held-out rows.
        part: the fitted models, from `reference_part`.
        about: plain data to store with the model.

    Raises:
        InputError: the stack does not have all rows of the cohort.
    """
    fitted = _uncalibrated(cohort, features, stack, {}, about or {})
    return _calibrated(replace(fitted, reference=part), cohort, stack, None)


def reference_part(
    family: str, fitted: Sequence[Sequence[FittedTask]], stack: Stack
) -> ReferencePart:
    """Returns fitted reference models as plain data.

    Args:
        family: `regularised_linear` or `forest`.
        fitted: the models of the folds of one seed, by replicate and task.
        stack: these folds.
    """
    weights, width = np.ones(len(stack.tasks)), stack.features.shape[2]
    if family == "regularised_linear":
        return ReferencePart(weights, linear=linear_arrays(fitted, width))
    return ReferencePart(weights, forest=forest_graph(fitted, width))


def _uncalibrated(
    cohort: Cohort,
    feature_set: str,
    stack: Stack,
    layers: Mapping[str, Floats],
    about: Mapping[str, Any],
) -> FittedModel:
    """Returns a model without temperatures and conformal scores."""
    development = _development(cohort, stack)
    table, schema = cohort.table.iloc[development], cohort.schema
    features = schema.feature_set_name(feature_set)
    exported = [export_preprocessor(pipeline) for pipeline in stack.preprocessors]
    learned = {name: np.stack([arrays[name] for arrays in exported]) for name in exported[0]}
    design = fit_design_matrix(schema, features, table, learned)
    return FittedModel(
        schema=schema,
        feature_set=features,
        switches=cohort.switches & schema.feature_switches,
        about={**_about(cohort, stack, development), **about},
        layers=layers,
        learned=learned,
        offset=stack.offset,
        spread=stack.spread,
        design=design,
        committees=np.array([fold for _, fold in stack.pairs]),
        temperatures=np.ones(len(stack.tasks)),
        scores=(),
        in_use=is_value_mask(stack.tasks) | (stack.labels[development] != 0).any(0),
        training_domain=fit_domain(schema, design, table),
    )


def _development(cohort: Cohort, stack: Stack) -> NDArray[np.int64]:
    """Returns the development rows.

    Raises:
        InputError: the stack does not have all rows of the cohort.
    """
    if len(stack.labels) != len(cohort):
        raise InputError(
            f"the stack has {len(stack.labels)} rows and the cohort has {len(cohort)}; "
            "prepare the stack from this cohort with `with_test=True`"
        )
    held_out = np.zeros(len(stack.labels), dtype=bool)
    held_out[stack.test_rows] = True
    return np.flatnonzero(~held_out)


def _calibrated(
    fitted: FittedModel, cohort: Cohort, stack: Stack, blend: ReferencePart | None
) -> FittedModel:
    """Returns the model with temperatures and T conformal scores, from out-of-fold predictions."""
    development = _development(cohort, stack)
    matrix = fitted.design.matrix(cohort.table.iloc[development])
    labels = stack.labels[development]

    def out_of_fold(predictor: Predictor) -> tuple[Floats, Mask]:
        """Returns natural predictions (n, K), and whether there is one (n,)."""
        weights = _out_of_fold_weights(stack[: predictor.replicates])[:, development]
        predicted = Ensemble(stack.tasks, predictor).weighted(matrix, weights)
        return predicted, np.asarray(weights.sum(0) > 0)

    predicted, is_predicted = out_of_fold(predictor_of(fitted, torch.float32))
    known = stack.known[development] & is_predicted[:, None]
    if blend is not None:
        reference, is_predicted = out_of_fold(reference_of(fitted, blend, torch.float32))
        known &= is_predicted[:, None]
        weights = fit_blend(stack.tasks, predicted, reference, labels, known)
        predicted = blended(stack.tasks, predicted, reference, weights)
        fitted = replace(fitted, reference=replace(blend, weights=weights))
    temperatures = fit_temperatures(stack.tasks, predicted, labels, known)
    tempered = apply_temperatures(stack.tasks, predicted, temperatures)
    scores = conformal_scores(stack.tasks, tempered, labels, known)
    return replace(fitted, temperatures=temperatures, scores=scores)


def _out_of_fold_weights(stack: Stack) -> NDArray[np.floating]:
    """Returns weights (R, N), equal for all replicates that did not train on a row.

    They sum to 1 for each row, or to 0 if every replicate trained on it.
    """
    left_out = np.zeros((len(stack.pairs), len(stack.labels)))
    for replicate, rows, count in zip(left_out, stack.score_rows, stack.score_counts, strict=True):
        replicate[rows[:count]] = 1.0
    weights: NDArray[np.floating] = left_out / np.maximum(left_out.sum(0), 1)
    return weights


def _layers(config: FitConfig, stack: Stack, parameters: Tensor) -> dict[str, NDArray[np.floating]]:
    """Returns the flat buffer as named layers (R, G, ...); see `StackedNetwork`."""
    networks = 1 if config.balancer.shares_trunk else len(stack.tasks)
    lead = (len(stack.pairs), networks)
    widths = (stack.features.shape[2], *config.hidden, stack.labels.shape[1])
    flat = parameters.detach().cpu()
    views = parameter_views(flat, widths, lead[0] * networks, config.linear_path)
    layers = {}
    for place, (weight, bias) in enumerate(zip(views.weights, views.biases, strict=True)):
        layers[f"layer{place}.weight"] = weight.unflatten(0, lead).numpy()
        layers[f"layer{place}.bias"] = bias.squeeze(1).unflatten(0, lead).numpy()
    if views.direct is not None:
        layers["direct.weight"] = views.direct.unflatten(0, lead).numpy()
    return layers


def _about(cohort: Cohort, stack: Stack, development: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "replicates": [{"seed": seed, "fold": fold} for seed, fold in stack.pairs],
        "data": {
            "digest": cohort.digest,
            "rows": len(cohort),
            "development": len(development),
            "labelled": {
                task.name: int(count)
                for task, count in zip(stack.tasks, stack.known[development].sum(0), strict=True)
            },
        },
    }


def config_as_dict(config: FitConfig) -> dict[str, Any]:
    """Returns a configuration as plain data, with the name of the balancer."""
    plain = TypeAdapter(FitConfig).dump_python(config, mode="json", serialize_as_any=True)
    options = TypeAdapter(type(config.balancer)).dump_python(config.balancer, mode="json")
    return {**plain, "balancer": {"name": config.balancer.name, **options}}
