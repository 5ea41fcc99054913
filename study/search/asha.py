"""Early stopping: one ladder of asynchronous successive halving for each arm.

A shared ladder would let a fast arm cull a slow one; here a trial is only compared with its own.
"""

from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from study.settings.settings import EarlyStopping

__all__ = ["PerArmASHA", "rungs"]


def rungs(stopping: EarlyStopping | None, epochs: int) -> tuple[int, ...]:
    """Returns the epochs at which trials are compared, in order."""
    if stopping is None or stopping.grace >= epochs:
        return ()
    epochs_of_rungs, rung = [], float(stopping.grace)
    while rung < epochs:
        epochs_of_rungs.append(int(rung))
        rung *= stopping.factor
    return tuple(epochs_of_rungs)


class PerArmASHA(FIFOScheduler):
    """Hands each trial to the ladder of its arm, under its number in the study.

    Tune's own trial ids change when a study is taken up again; numbers do not.
    """

    def __init__(self, stopping: EarlyStopping | None, epochs: int, arms: list[str]) -> None:
        super().__init__()
        self._ladders: dict[str, AsyncHyperBandScheduler] = {}
        self._decided: dict[int, dict[int, str]] = {}
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

    def replay(
        self, arm: str, number: int, reports: dict[int, float], *, ended: bool = False
    ) -> None:
        """Enters what a trial of an earlier process reported, so that its peers are compared.

        A trial that was killed between its last report and its end hears the same answer again.
        """
        for epoch, score in sorted(reports.items()):
            decision = self._decide(arm, number, {"epoch": epoch, "score": score})
            if not ended:
                went_on = epoch < max(reports)
                self._remember(number, epoch, TrialScheduler.CONTINUE if went_on else decision)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Stops a trial that stands below its arm's cut at a rung.

        What a trial that was taken up again reports a second time was decided the first time.
        """
        arm, number, epoch = trial.config["key"], trial.config["number"], result["epoch"]
        if result["failure"]:
            return str(TrialScheduler.CONTINUE)
        if epoch not in self._decided.get(number, {}):
            self._remember(number, epoch, self._decide(arm, number, result))
        return str(TrialScheduler.CONTINUE) if result["passed"] else self._decided[number][epoch]

    def on_trial_complete(
        self,
        tune_controller: Any,
        trial: Trial,
        result: dict[str, Any],
    ) -> None:
        """Forgets what was decided about a trial."""
        self._decided.pop(trial.config["number"], None)

    def _decide(self, arm: str, number: int, result: dict[str, Any]) -> str:
        if arm not in self._ladders:
            return str(TrialScheduler.CONTINUE)
        ladder, stand_in = self._ladders[arm], _stand_in(number)
        ladder.on_trial_add(None, stand_in)
        decision = str(ladder.on_trial_result(None, stand_in, result))
        ladder.on_trial_remove(None, stand_in)  # else it keeps every trial
        return decision

    def _remember(self, number: int, epoch: int, decision: str) -> None:
        self._decided.setdefault(number, {})[epoch] = str(decision)


def _stand_in(number: int) -> SimpleNamespace:
    return SimpleNamespace(trial_id=str(number))
