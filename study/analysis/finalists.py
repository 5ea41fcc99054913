"""The finalists: each arm's best configurations, retrained on fresh seeds.

They were chosen on validation rows, and the luckiest of many trials looks better than it is. So
each is trained again on seeds that the search did not use, for as many epochs as its validation
chose. The best of an arm on the fresh seeds' validation rows is its winner, scored once on rows
that the search never saw. The other finalists' held-out losses choose nothing; they tell how much
luck there is in a search.
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


def select_finalists(
    arms: Sequence[Arm], build: Callable[[Mapping[str, Parameter]], FitConfig], count: int
) -> list[Finalist]:
    """Returns the best trials of each arm, best first; an arm without a finished trial has none.

    Args:
        arms: of all outer folds.
        build: makes a configuration of a point of the space.
        count: how many of each arm.
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
    """Trains and scores the finalists, as many at once as Ray has places for.

    Args:
        chosen: the finalists.
        stacks: fresh replicates with their held-out rows, one an outer fold.
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
    """Returns what the comparison needs of a finalist."""
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
