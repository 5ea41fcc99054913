"""The held-out comparison: each arm's best configuration, retrained on fresh seeds.

The configuration and its number of epochs were chosen on validation rows. Here it is trained
again on seeds that the search did not use, and scored once on rows that it never saw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from hemomodel.config import FitConfig
from hemomodel.metrics import row_losses
from hemomodel.stack import Stack
from hemomodel.training import Training
from study.searcher import Arm

__all__ = ["Confirmed", "Finalist", "confirm", "finalists"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Finalist:
    """An arm's best trial and the configuration to retrain."""

    arm: str
    number: int
    trial: FrozenTrial
    config: FitConfig


@dataclass(frozen=True)
class Confirmed:
    """A finalist on the held-out rows.

    Attributes:
        losses: (R, m, T), of each row.
        trivial: (R, m, T), the trivial predictor's.
        metrics: each metric, (R, T).
        state: the trained stack as plain tensors.
    """

    losses: Floats
    trivial: Floats
    metrics: Mapping[str, Floats]
    state: dict[str, torch.Tensor]


def finalists(arms: Sequence[Arm], build: Any) -> list[Finalist]:  # noqa: ANN401 - Space.build
    """Returns each arm's best trial; an arm without a finished trial has none."""
    found = []
    for arm in arms:
        ended = [
            trial
            for trial in arm.trials
            if trial.state in {TrialState.COMPLETE, TrialState.PRUNED} and trial.value is not None
        ]
        if ended:
            best = max(ended, key=lambda trial: (trial.value, -trial.number))
            config = build({"balancer": arm.balancers[0], **best.params})
            config = replace(config, epochs=best.user_attrs["best_epoch"])
            found.append(Finalist(arm.name, best.number * len(arms) + arm.index, best, config))
    return found


def confirm(chosen: Sequence[Finalist], stack: Stack) -> list[Confirmed]:
    """Trains and scores the finalists, as many at once as Ray has CPUs.

    Args:
        chosen: the finalists.
        stack: fresh replicates, to be scored on the held-out rows.
    """
    shared = ray.put(replace(stack, preprocessors=()))
    return list(ray.get([_confirm.remote(finalist.config, shared) for finalist in chosen]))


@ray.remote(max_retries=2)  # type: ignore[untyped-decorator]
def _confirm(config: FitConfig, stack: Stack) -> Confirmed:
    torch.set_num_threads(1)
    training = Training(config, stack)
    training.run(config.epochs)
    reference = training.reference
    outputs = training.outputs()
    layout, labels = training.layout, reference.labels
    trivial = reference.trivial.unsqueeze(1).expand_as(labels)
    return Confirmed(
        losses=_array(row_losses(layout, training.natural(outputs), labels)),
        trivial=_array(row_losses(layout, trivial, labels)),
        metrics={name: _array(value) for name, value in training.metrics(outputs).items()},
        state=training.state(),
    )


def _array(tensor: torch.Tensor) -> Floats:
    return np.asarray(tensor.double())
