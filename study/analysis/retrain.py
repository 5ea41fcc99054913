"""The work of Ray's workers after the search: retrain finalists, fit the reference models.

New worker processes import this module, so it imports little.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ray
import torch

from hemomodel.arrays import Float64s
from hemomodel.dataset.stack import Stack
from hemomodel.training.device_data import as_array
from hemomodel.training.fit_config import FitConfig
from hemomodel.training.history import History
from hemomodel.training.loop import Training
from hemomodel.training.reliability import reliability
from study.settings.analysis_plan import EXPORTED_REFERENCES

if TYPE_CHECKING:
    from hemomodel.ensemble.fitted_model import ReferencePart
    from hemomodel.training.reference_models import ReferenceModel

__all__ = [
    "FittedReferences",
    "RetrainedFinalist",
    "on_worker",
    "references_on_worker",
    "retrain_finalist",
]


@dataclass(frozen=True)
class RetrainedFinalist:
    """A finalist, retrained on fresh seeds.

    Attributes:
        validation: (R, T), skill on the fresh seeds' validation rows.
        losses: (R, m, T), of each held-out row; zero where its label is unknown.
        trivial: (R, m, T), the trivial predictor's losses.
        regret: (R, m, T), expected loss above the oracle's on each held-out row, or None.
        metrics: each metric on the held-out rows, (R, T).
        curves: by name, (E, R, T): the values after each epoch.
        cosines: (E, T, T), between the tasks' gradients, mean over replicates.
        reliability: (T, bins, 3), see `hemomodel.training.reliability`.
        parameters: the trained networks' flat buffer.
    """

    validation: Float64s
    losses: Float64s
    trivial: Float64s
    regret: Float64s | None
    metrics: Mapping[str, Float64s]
    curves: Mapping[str, Float64s]
    cosines: Float64s
    reliability: Float64s
    parameters: torch.Tensor


def retrain_finalist(config: FitConfig, stack: Stack, device: str = "cpu") -> RetrainedFinalist:
    """Trains a configuration and scores it.

    Args:
        config: of a finalist.
        stack: with held-out rows.
        device: to train on.
    """
    training = Training(config, stack, device)
    held_out = training.scored_rows(*stack.held_out)
    epochs, skills = [], []
    for _ in range(config.epochs):
        epochs.append(training.run_epochs(1))
        outputs = training.outputs(held_out)
        skills.append(held_out.skill(outputs))
    regret = held_out.row_regret(outputs)
    history = History.joined(epochs)
    return RetrainedFinalist(
        validation=as_array(training.scored.metrics(training.last_history)["skill"]),
        losses=as_array(held_out.row_losses(outputs)),
        trivial=as_array(held_out.trivial_row_losses()),
        regret=None if regret is None else as_array(regret),
        metrics={name: as_array(value) for name, value in held_out.metrics(outputs).items()},
        curves=_curves(history, torch.stack(skills)),
        cosines=as_array(history.cosines.mean(1)),
        reliability=reliability(
            training.layout, held_out.natural(outputs), held_out.scoring_targets
        ),
        parameters=training.network.parameters.cpu(),
    )


@dataclass(frozen=True)
class FittedReferences:
    """The reference models of an outer fold.

    Attributes:
        scored: all of them, by name.
        parts: those that are exported, by the names of `EXPORTED_REFERENCES`.
    """

    scored: "Mapping[str, ReferenceModel]"
    parts: "Mapping[str, ReferencePart]"


@ray.remote(max_retries=2)  # type: ignore[untyped-decorator]
def on_worker(config: FitConfig, stack: Stack, device: str) -> RetrainedFinalist:
    """Retrains a finalist in a Ray process; see `retrain_finalist`."""
    torch.set_num_threads(1)
    return retrain_finalist(config, stack, device)


@ray.remote(max_retries=2)  # type: ignore[untyped-decorator]
def references_on_worker(stack: Stack) -> FittedReferences:
    """Fits and scores the reference models in a Ray process.

    Args:
        stack: the folds of one seed, with held-out rows.
    """
    from hemomodel.ensemble.build import reference_part  # these import scikit-learn (slow)
    from hemomodel.training.reference_models import fit_references, reference_losses

    fitted = fit_references(stack)
    parts = {
        name: reference_part(family, fitted[family], stack)
        for name, family in EXPORTED_REFERENCES.items()
    }
    return FittedReferences(reference_losses(stack, fitted), parts)


def _curves(history: History, held_out_skill: torch.Tensor) -> dict[str, Float64s]:
    curves = {
        "held_out_skill": held_out_skill,
        "validation_skill": history.skill,
        "train_loss": history.train_loss,
        "weight": history.weights,
        "gradient_norm": history.gradient_norms,
        "training_rate": history.training_rate,
    }
    return {name: as_array(value) for name, value in curves.items()}
