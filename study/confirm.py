"""The finalists: each arm's best configurations, retrained on fresh seeds.

They were chosen on validation rows, and the luckiest of many trials looks better than it is. So
each is trained again on seeds that the search did not use, for as many epochs as its validation
chose. The best of an arm on the fresh seeds' validation rows is its winner, scored once on rows
that the search never saw. The other finalists' held-out losses choose nothing; they tell how much
luck there is in a search.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from hemomodel.config import FitConfig
from hemomodel.history import History
from hemomodel.reliability import reliability
from hemomodel.stack import Stack
from hemomodel.training import Training
from study.devices import Device
from study.evidence import Candidate
from study.searcher import Arm
from study.space import Parameter

__all__ = ["Confirmed", "Finalist", "candidate", "confirm", "finalists", "retrain"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Finalist:
    """One of an arm's best trials and the configuration to retrain.

    Attributes:
        arm: its name.
        outer_fold: the part of the rows that its search never saw.
        number: of the trial in the study.
        trial: as Optuna keeps it.
        config: to retrain; its epochs are those that validation chose.
    """

    arm: str
    outer_fold: int
    number: int
    trial: FrozenTrial
    config: FitConfig


@dataclass(frozen=True)
class Confirmed:
    """A finalist on fresh seeds.

    Attributes:
        validation: (R, T), skill on the fresh seeds' validation rows.
        losses: (R, m, T), of each held-out row; zero where its label is unknown.
        trivial: (R, m, T), the trivial predictor's.
        regret: (R, m, T), expected loss above the oracle's on each held-out row, or None.
        metrics: each metric on the held-out rows, (R, T).
        curves: by name, (E, R, T): what each epoch left behind.
        cosines: (E, T, T), between the tasks' gradients, mean over replicates.
        reliability: (T, bins, 3), see `hemomodel.reliability`.
        parameters: the trained networks' flat buffer.
    """

    validation: Floats
    losses: Floats
    trivial: Floats
    regret: Floats | None
    metrics: Mapping[str, Floats]
    curves: Mapping[str, Floats]
    cosines: Floats
    reliability: Floats
    parameters: torch.Tensor


def finalists(
    arms: Sequence[Arm], build: Callable[[Mapping[str, Parameter]], FitConfig], count: int
) -> list[Finalist]:
    """Returns the best trials of each arm, best first; an arm without a finished trial has none.

    Args:
        arms: of all outer folds.
        build: makes a configuration of a point of the space.
        count: how many of each arm.
    """
    found = []
    for arm in arms:
        ended = [
            trial
            for trial in arm.trials
            if trial.state in {TrialState.COMPLETE, TrialState.PRUNED} and trial.value is not None
        ]
        for best in sorted(ended, key=lambda trial: (-(trial.value or 0.0), trial.number))[:count]:
            config = build({"balancer": arm.balancers[0], **best.params})
            config = replace(config, epochs=best.user_attrs["best_epoch"])
            number = best.number * len(arms) + arm.index
            found.append(Finalist(arm.name, arm.outer_fold, number, best, config))
    return found


def confirm(chosen: Sequence[Finalist], stacks: Sequence[Stack], device: Device) -> list[Confirmed]:
    """Trains and scores the finalists, as many at once as Ray has places for.

    Args:
        chosen: the finalists.
        stacks: fresh replicates with their held-out rows, one an outer fold.
        device: to train on.
    """
    task = _confirm.options(num_cpus=1, num_gpus=device.gpus)
    shared = [ray.put(replace(stack, preprocessors=())) for stack in stacks]
    begun = [task.remote(one.config, shared[one.outer_fold], device.name) for one in chosen]
    return list(ray.get(begun))


@ray.remote(max_retries=2)  # type: ignore[untyped-decorator]
def _confirm(config: FitConfig, stack: Stack, device: str) -> Confirmed:
    torch.set_num_threads(1)
    return retrain(config, stack, device)


def retrain(config: FitConfig, stack: Stack, device: str = "cpu") -> Confirmed:
    """Trains a configuration and scores it.

    Args:
        config: of a finalist.
        stack: with held-out rows.
        device: to train on.
    """
    training = Training(config, stack, device)
    held_out = training.rows(*stack.held_out)
    epochs, skills = [], []
    for _ in range(config.epochs):
        epochs.append(training.run(1))
        outputs = training.outputs(held_out)
        skills.append(held_out.skill(outputs))
    regret = held_out.row_regret(outputs)
    history = History.joined(epochs)
    return Confirmed(
        validation=_array(training.scored.metrics(training.latest)["skill"]),
        losses=_array(held_out.row_losses(outputs)),
        trivial=_array(held_out.trivial_row_losses()),
        regret=None if regret is None else _array(regret),
        metrics={name: _array(value) for name, value in held_out.metrics(outputs).items()},
        curves=_curves(history, torch.stack(skills)),
        cosines=_array(history.cosines.mean(1)),
        reliability=reliability(training.layout, outputs, held_out.against),
        parameters=training.network.parameters.cpu(),
    )


def candidate(finalist: Finalist, result: Confirmed) -> Candidate:
    """Returns what the comparison needs of a finalist."""
    return Candidate(
        trial=finalist.number,
        params=finalist.trial.params,
        epochs=finalist.config.epochs,
        search_score=float(finalist.trial.value or 0.0),
        validation=result.validation,
        losses=result.losses,
        metrics=result.metrics,
        regret=result.regret,
    )


def _curves(history: History, held_out_skill: torch.Tensor) -> dict[str, Floats]:
    curves = {
        "held_out_skill": held_out_skill,
        "validation_skill": history.skill,
        "train_loss": history.train_loss,
        "weight": history.weights,
        "gradient_norm": history.gradient_norms,
        "training_rate": history.training_rate,
    }
    return {name: _array(value) for name, value in curves.items()}


def _array(tensor: torch.Tensor) -> Floats:
    return np.asarray(tensor.double().cpu())
