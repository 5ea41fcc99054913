"""Early stopping: one ladder of asynchronous successive halving for each arm.

A shared ladder would let a fast arm cull a slow one; here a trial is only compared with its own.
"""

from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from study.config import EarlyStopping

__all__ = ["ArmLadders", "rungs"]


def rungs(stopping: EarlyStopping | None, epochs: int) -> tuple[int, ...]:
    """Returns the epochs at which trials are compared, in order."""
    if stopping is None or stopping.grace >= epochs:
        return ()
    found, rung = [], float(stopping.grace)
    while rung < epochs:
        found.append(int(rung))
        rung *= stopping.factor
    return tuple(found)


class ArmLadders(FIFOScheduler):
    """Hands each trial to the ladder of its arm, under its number in the study.

    Tune's own trial ids change when a study is taken up again; numbers do not.
    """

    def __init__(self, stopping: EarlyStopping | None, epochs: int, arms: list[str]) -> None:
        super().__init__()
        self._ladders: dict[str, AsyncHyperBandScheduler] = {}
        if rungs(stopping, epochs) and stopping is not None:
            self._ladders = {
                arm: AsyncHyperBandScheduler(
                    time_attr="epoch",
                    metric="score",
                    mode="max",
                    max_t=epochs,
                    grace_period=stopping.grace,
                    reduction_factor=stopping.factor,
                )
                for arm in arms
            }

    def replay(self, arm: str, number: int, reports: dict[int, float]) -> None:
        """Enters what a trial of an earlier process reported, so that its peers are compared."""
        if arm in self._ladders:
            ladder, stand_in = self._ladders[arm], _stand_in(number)
            ladder.on_trial_add(None, stand_in)
            for epoch, score in sorted(reports.items()):
                ladder.on_trial_result(None, stand_in, {"epoch": epoch, "score": score})

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:  # noqa: ANN401
        """Stops a trial that stands below its arm's cut at a rung."""
        arm, number = trial.config["key"], trial.config["number"]
        if arm not in self._ladders or result["failure"]:
            return str(TrialScheduler.CONTINUE)
        ladder, stand_in = self._ladders[arm], _stand_in(number)
        ladder.on_trial_add(tune_controller, stand_in)
        return str(ladder.on_trial_result(tune_controller, stand_in, result))


def _stand_in(number: int) -> SimpleNamespace:
    return SimpleNamespace(trial_id=str(number))
