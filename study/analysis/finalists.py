"""The finalists: each arm's best configurations, retrained on fresh seeds.

The search chooses the best of many trials on validation rows, so their scores are too high because
of random variation. Therefore each finalist is trained again on seeds that the search did not use,
for the number of epochs that its validation chose. The best of an arm on the fresh seeds'
validation rows is its winner. It is scored once, on held-out rows. The held-out losses of the other
finalists choose nothing; they measure the random variation of a search.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import ray
from optuna.trial import FrozenTrial, TrialState

from hemomodel.dataset.stack import Stack
from hemomodel.training.fit_config import FitConfig
from study.analysis.comparison_data import FinalistScores
from study.analysis.retrain import RetrainedFinalist, on_worker
from study.cluster.devices import Device
from study.settings.search_space import Parameter
from study.store.arms import Arm

__all__ = ["Finalist", "finalist_scores", "retrain_finalists", "select_finalists"]


@dataclass(frozen=True)
class Finalist:
    """One of an arm's best trials and the configuration to retrain.

    Attributes:
        arm: its name.
        outer_fold: the part of the rows that its search never used.
        number: of the trial in the study.
        trial: the trial in Optuna.
        config: to retrain; validation chose its number of epochs.
    """

    arm: str
    outer_fold: int
    number: int
    trial: FrozenTrial
    config: FitConfig


def select_finalists(
    arms: Sequence[Arm], build: Callable[[Mapping[str, Parameter]], FitConfig], count: int
) -> list[Finalist]:
    """Returns the best trials of each arm, best first; an arm without a finished trial has none.

    Args:
        arms: of all outer folds.
        build: makes a configuration from a point of the space.
        count: number of finalists per arm.
    """
    finalists = []
    for arm in arms:
        ended = [
            trial
            for trial in arm.trials
            if trial.state in {TrialState.COMPLETE, TrialState.PRUNED} and trial.value is not None
        ]
        for best in sorted(ended, key=lambda trial: (-(trial.value or 0.0), trial.number))[:count]:
            config = build({"balancer": arm.balancers[0], **best.params})
            config = replace(config, epochs=best.user_attrs["best_epoch"])
            number = arm.number(best.number)
            finalists.append(Finalist(arm.name, arm.outer_fold, number, best, config))
    return finalists


def retrain_finalists(
    chosen: Sequence[Finalist], stacks: Sequence[Stack], device: Device
) -> list[RetrainedFinalist]:
    """Trains and scores the finalists, in parallel as far as Ray's CPUs and GPUs allow.

    Args:
        chosen: the finalists.
        stacks: fresh replicates with their held-out rows, one per outer fold.
        device: to train on.
    """
    task = on_worker.options(num_cpus=1, num_gpus=device.gpus)
    shared = [ray.put(replace(stack, preprocessors=())) for stack in stacks]
    begun = [
        task.remote(finalist.config, shared[finalist.outer_fold], device.name)
        for finalist in chosen
    ]
    return list(ray.get(begun))


def finalist_scores(finalist: Finalist, result: RetrainedFinalist) -> FinalistScores:
    """Returns a finalist's part of the input of the comparison."""
    return FinalistScores(
        trial=finalist.number,
        params=finalist.trial.params,
        epochs=finalist.config.epochs,
        search_score=float(finalist.trial.value or 0.0),
        validation=result.validation,
        losses=result.losses,
        metrics=result.metrics,
        regret=result.regret,
    )
