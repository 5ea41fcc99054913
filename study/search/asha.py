"""Early stopping: one schedule of asynchronous successive halving (ASHA) per arm.

With a shared schedule, an arm that learns fast would stop the trials of a slow arm. Here a trial is
compared only with trials of its own arm.
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
    """Passes each trial to the early-stopping schedule of its arm, by its number in the study.

    Tune's own trial ids change when a study is resumed; the numbers do not.
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
        """Enters the reports of a trial of an earlier process, to compare later trials with it.

        A trial that was killed between its last report and its end gets the same decision again.
        """
        for epoch, score in sorted(reports.items()):
            decision = self._decide(arm, number, {"epoch": epoch, "score": score})
            if not ended:
                went_on = epoch < max(reports)
                self._remember(number, epoch, TrialScheduler.CONTINUE if went_on else decision)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Stops a trial whose score is below the cutoff of its arm at a rung.

        If a resumed trial repeats a report, the first decision is used again.
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
        """Removes the stored decisions about a trial."""
        self._decided.pop(trial.config["number"], None)

    def _decide(self, arm: str, number: int, result: dict[str, Any]) -> str:
        if arm not in self._ladders:
            return str(TrialScheduler.CONTINUE)
        ladder, stand_in = self._ladders[arm], _stand_in(number)
        ladder.on_trial_add(None, stand_in)
        decision = str(ladder.on_trial_result(None, stand_in, result))
        ladder.on_trial_remove(None, stand_in)  # otherwise it keeps every trial in memory
        return decision

    def _remember(self, number: int, epoch: int, decision: str) -> None:
        self._decided.setdefault(number, {})[epoch] = str(decision)


def _stand_in(number: int) -> SimpleNamespace:
    return SimpleNamespace(trial_id=str(number))
