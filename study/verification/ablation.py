"""Measures what a change of the networks brings: whole searches on one table, change by change.

A unit of work is one table, one seed and one change. It draws configurations at random from the
search space, trains each as a stack, retrains the best on fresh seeds, and scores the winner and
its ensemble on rows that took no part. For the built-in cohort these rows are new patients; for
another table they are an outer fold. All changes of one table and seed use the same rows, folds
and random draws.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import optuna
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from hemomodel.arrays import Groups, Mask
from hemomodel.cohort.cohort import Cohort
from hemomodel.cohort.synthetic.cohort import synthetic_cohort
from hemomodel.cohort.synthetic.options import SyntheticOptions
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.splits import Replicates
from hemomodel.dataset.stack import Stack
from hemomodel.ensemble.build import build_model, config_as_dict, reference_part
from hemomodel.ensemble.ensemble import average_predictions
from hemomodel.ensemble.fitted_model import ReferencePart
from hemomodel.recommender.model import Model
from hemomodel.training.device_data import DeviceStack
from hemomodel.training.fit_config import FitConfig
from hemomodel.training.loop import Training
from hemomodel.training.metrics import row_losses, scores
from hemomodel.training.reference_models import fit_references, reference_predictions
from hemomodel.training.scored_rows import ScoredRows
from study.settings.analysis_plan import EXPORTED_REFERENCES
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings

__all__ = [
    "FirstRows",
    "Protocol",
    "Unit",
    "measure_references",
    "measure_unit",
    "on_new_patients",
    "pooled_figures",
]

_NEW = 500_000  # added to the seed of a cohort: the seed of its new patients
_DEFAULT = SyntheticOptions()
_FRESH = 1000  # the first seed of the replicates that a finalist is retrained with


@dataclass(frozen=True)
class Protocol:
    """How much work a unit is.

    Attributes:
        configurations: drawn at random from the search space.
        finalists: the best by validation, retrained on fresh seeds.
        folds, seeds: of the replicates of a configuration.
        fresh_seeds: of a finalist.
        epochs: of every training.
    """

    configurations: int = 24
    finalists: int = 3
    folds: int = 5
    seeds: int = 3
    fresh_seeds: int = 4
    epochs: int = 100


@dataclass(frozen=True)
class Unit:
    """One unit of work.

    Attributes:
        seed: of the random draws.
        fit: settings that all configurations have, by name.
        space: domains that replace those of the search space, by name.
        balancer: of every configuration.
        is_exported: whether the winner is also scored as it is exported: calibrated, and blended
            with each reference model.
    """

    seed: int
    fit: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Any] = field(default_factory=dict)
    balancer: str = "equal"
    is_exported: bool = False


@dataclass(frozen=True)
class FirstRows(Replicates):
    """A design whose held-out rows are all rows after the first `development` ones."""

    development: int = 0

    def held_out(self, stratum: NDArray[np.int_], groups: Groups | None) -> Mask:
        """Returns the rows (N,) after the first ones."""
        return np.arange(len(stratum)) >= self.development


def on_new_patients(
    rows: int, seed: int, new_rows: int, options: SyntheticOptions = _DEFAULT
) -> tuple[Cohort, FirstRows]:
    """Returns a built-in cohort followed by new patients, and the design that holds these out.

    Args:
        rows: of the workbook, before its filters.
        seed: of the workbook.
        new_rows: of the workbook of new patients, before its filters.
        options: of both workbooks.
    """
    fitted_on = synthetic_cohort(rows, seed=seed, options=options)
    new = synthetic_cohort(new_rows, seed=seed + _NEW, options=options)
    assert fitted_on.bayes_prediction is not None  # noqa: S101 - the built-in cohort has an oracle
    assert new.bayes_prediction is not None  # noqa: S101
    both = replace(
        fitted_on,
        table=pd.concat([fitted_on.table, new.table], ignore_index=True),
        labels=np.concatenate([fitted_on.labels, new.labels]),
        rows=np.arange(len(fitted_on) + len(new)),
        groups=_joined_groups(fitted_on, new),
        bayes_prediction=np.concatenate([fitted_on.bayes_prediction, new.bayes_prediction]),
    )
    return both, FirstRows(development=len(fitted_on))


def _joined_groups(first: Cohort, second: Cohort) -> Groups | None:
    """Returns the groups of two cohorts that have no person in common, although both count from 0.

    Their record numbers are equal too, so the groups must not be computed from these.
    """
    if first.groups is None or second.groups is None:
        return None
    return np.concatenate([first.groups, second.groups + first.groups.max() + 1])


def measure_unit(
    unit: Unit, cohort: Cohort, design: Replicates, protocol: Protocol
) -> dict[str, Any]:
    """Runs a unit; returns its figures as plain data.

    `network` is the mean skill of the winner's replicates on the held-out rows, `validation` its
    mean skill on the validation rows of the fresh seeds. `exported` has the figures of exported
    models by their blend. The others are those of `pooled_figures` for the mean prediction of the
    replicates.
    """
    begun = perf_counter()
    fit = {"epochs": protocol.epochs, **unit.fit}
    settings = Settings(balancers=(unit.balancer,), fit=fit, space=dict(unit.space))
    space = SearchSpace(settings, [task.name for task in cohort.schema.tasks])
    prepared = partial(prepare, cohort, features=space.base.features, targets=space.base.targets)
    searched = replace(design, folds=protocol.folds, seeds=protocol.seeds)
    stack = prepared(searched)
    tried = [(config, *_best_epoch(config, stack)) for config in _draws(space, unit, protocol)]
    finalists = sorted(tried, key=lambda trial: -trial[1])[: protocol.finalists]
    fresh = tuple(range(_FRESH, _FRESH + protocol.fresh_seeds))
    stack = prepared(replace(searched, seeds=fresh), with_test=True)
    retrained = [_retrained(config, epochs, stack) for config, _, epochs in finalists]
    validation, winner = max(retrained, key=lambda trial: trial[0])
    held_out = winner.scored_rows(*stack.held_out)
    outputs = winner.outputs(held_out)
    pooled = average_predictions(held_out.layout, held_out.natural(outputs))
    exported = {}
    if unit.is_exported:
        exported = {"exported": _exported(cohort, stack, winner, protocol.folds)}
    return {
        "network": float(held_out.metrics(outputs)["skill"].mean()),
        **pooled_figures(held_out, pooled),
        **exported,
        "validation": validation,
        "config": config_as_dict(winner.config),
        "epochs": winner.epoch,
        "seconds": round(perf_counter() - begun, 1),
    }


def _exported(
    cohort: Cohort, stack: Stack, winner: Training, folds: int
) -> dict[str, dict[str, Any]]:
    """Returns the figures of a winner as an exported model, by its blend."""
    of_one_seed = stack[:folds]
    fitted = fit_references(of_one_seed, EXPORTED_REFERENCES.values())
    parts: dict[str, ReferencePart | None] = {
        name: reference_part(family, fitted[family], of_one_seed)
        for name, family in EXPORTED_REFERENCES.items()
    }
    held_out = winner.scored_rows(*stack.held_out)
    table = cohort.table.iloc[stack.test_rows]
    figures = {}
    for blend, part in {"none": None, **parts}.items():
        parameters = winner.network.parameters
        model = Model(build_model(cohort, winner.config, stack, parameters, blend=part))
        predicted = torch.from_numpy(model.calibrated(table))
        figures[blend] = pooled_figures(held_out, predicted)
    return figures


def measure_references(cohort: Cohort, design: Replicates, protocol: Protocol) -> dict[str, Any]:
    """Returns the figures of every reference model: its `network` and those of `pooled_figures`."""
    begun = perf_counter()
    of_seed = replace(design, folds=protocol.folds, seeds=(_FRESH,))
    stack = prepare(cohort, of_seed, with_test=True)
    held_out = DeviceStack(stack, "cpu").scored(*stack.held_out)
    figures = {}
    fitted = fit_references(stack)
    for name, predicted in reference_predictions(stack, fitted, stack.held_out[0]).items():
        natural = torch.from_numpy(predicted).to(torch.get_default_dtype())
        skill = scores(held_out.layout, natural, held_out.scoring_targets)["skill"]
        pooled = average_predictions(held_out.layout, natural)
        figures[name] = {"network": float(skill.mean()), **pooled_figures(held_out, pooled)}
    return {"references": figures, "seconds": round(perf_counter() - begun, 1)}


def _draws(space: SearchSpace, unit: Unit, protocol: Protocol) -> list[FitConfig]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=unit.seed))
    drawn = (space.suggest(study.ask(), [unit.balancer]) for _ in range(protocol.configurations))
    return [space.build(point) for point in drawn]


def _best_epoch(config: FitConfig, stack: Stack) -> tuple[float, int]:
    """Returns the best validation score and its epoch; a score that is not finite is the worst."""
    score = torch.nan_to_num(Training(config, stack).run_epochs(config.epochs).score, -torch.inf)
    return float(score.max()), int(score.argmax()) + 1


def _retrained(config: FitConfig, epochs: int, stack: Stack) -> tuple[float, Training]:
    """Returns the last validation score of a training, and the training."""
    training = Training(config, stack)
    return float(training.run_epochs(epochs).score[-1]), training


def pooled_figures(held_out: ScoredRows, pooled: Tensor) -> dict[str, Any]:
    """Returns the figures of one prediction for the held-out rows.

    `skill` is the mean over the tasks of `by_task`, each compared with the mean trivial loss of the
    replicates. `oracle` is the oracle's skill, if the oracle is known.

    Args:
        held_out: the rows, the same for each replicate.
        pooled: (m, K), log probabilities and values in natural units.
    """
    data = held_out.scoring_targets
    trivial_loss = (held_out.trivial_row_losses() * data.share).sum(1).mean(0)

    def skill(natural: Tensor) -> Tensor:
        losses = row_losses(held_out.layout, natural, data.labels[0])
        return 1 - (losses * data.share[0]).sum(0) / trivial_loss

    skills = skill(pooled)
    figures = {"skill": float(skills.mean()), "by_task": [round(float(s), 5) for s in skills]}
    if data.optimum is None:
        return figures
    tiny = torch.finfo(pooled.dtype).tiny
    levels = data.optimum[0].clamp_min(tiny).log()
    best = torch.where(held_out.layout.is_value, data.optimum[0], levels)
    return {**figures, "oracle": float(skill(best).mean())}
