"""The searcher: Optuna's ask-and-tell interface behind Ray Tune, one arm per balancer.

The Optuna storage is the only source of the study's state. Tune's snapshot is never read.
"""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search import Searcher

from study.settings.search_space import SearchSpace
from study.store._optuna_internals import reopen_trial
from study.store.arms import Arm
from study.store.failures import StudyFailure

__all__ = ["RETRIES", "ArmSearcher"]

_ENDS = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
# Retries of a trial after its process failed. A lost node uses two: Tune counts each failed call.
RETRIES = 6
_STARTED = "wandb_id"  # stored when a trial starts, with or without W&B


class ArmSearcher(Searcher):
    """Suggests the trials of all arms in turn, and stores in Optuna how each trial ended.

    Numbers are global and stable: trial k of arm a of A has number k * A + a.

    **Who may call.** Tune's loop and the callbacks of the search, in the driver, from one thread.
    The driver holds the study's lock, so no other process writes to the arms' Optuna studies.

    **Open trials.** A trial that is running in the storage when the searcher is created was left by
    an earlier process. These trials are suggested first.

    **What is stored when a method returns.** After `suggest`, the trial and its parameters; after
    `report` and `note`, their arguments; after `on_trial_complete`, how the trial ended. If a write
    fails, the error is in `failure`, no later write is tried, and `suggest` ends the search.

    Attributes:
        failure: the first write that failed.
    """

    def __init__(
        self,
        arms: Sequence[Arm],
        space: SearchSpace,
        *,
        trials: int,
        epochs: int,
        seed: int,
        startup: int,
    ) -> None:
        super().__init__(metric="score", mode="max")
        self._arms, self._space = list(arms), space
        self._epochs, self._seed, self._startup = epochs, seed, startup
        names = list(dict.fromkeys(arm.name for arm in arms))
        share, rest = divmod(trials, len(names))
        self._left = {arm.key: share + (names.index(arm.name) < rest) for arm in arms}
        self._open: dict[str, tuple[Arm, optuna.Trial, set[int]]] = {}
        self.failure = StudyFailure()
        self._deaths: Counter[tuple[str, int]] = Counter()
        self._reasons: dict[tuple[str, int], str] = {}
        self._unfinished: list[tuple[Arm, FrozenTrial]] = []
        for arm in arms:
            self._left[arm.key] -= len(arm.trials)
            self._unfinished += [
                (arm, trial) for trial in arm.trials if trial.state == TrialState.RUNNING
            ]

    @property
    def remaining(self) -> int:
        """The number of trials that this search still has to run."""
        return sum(max(left, 0) for left in self._left.values()) + len(self._unfinished)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Returns the next trial: an unfinished one first, then of the arm with the most left."""
        if self.failure.error is None:
            with self.failure.capture():
                return self._next(trial_id)
        return str(Searcher.FINISHED)

    def _next(self, trial_id: str) -> dict[str, Any] | str | None:
        known: set[int] = set()  # epochs whose score is already in the storage
        if self._unfinished:
            arm, frozen = self._unfinished.pop(0)
            trial = self._reopened(arm, frozen)
            known |= frozen.intermediate_values.keys()
        else:
            arm = max(self._arms, key=lambda a: (self._left[a.key], -a.index))
            if self._left[arm.key] <= 0:
                # A running trial may still fail and have to be suggested again.
                return None if self._open else str(Searcher.FINISHED)
            self._left[arm.key] -= 1
            arm.study.sampler = self._sampler(arm, len(arm.trials))
            trial = arm.study.ask()
        self._open[trial_id] = (arm, trial, known)
        # An unfinished trial that started has its parameters: `suggest` returns the same values.
        params = self._space.suggest(trial, arm.balancers)
        return {
            "number": arm.number(trial.number),
            "arm": arm.name,
            "key": arm.key,
            "place": trial.number,
            "outer_fold": arm.outer_fold,
            "params": params,
        }

    def _reopened(self, arm: Arm, frozen: FrozenTrial) -> optuna.Trial:
        """Opens a trial of an earlier process, with the sampler that drew it.

        A trial that never started may lack some of its parameters. All its parameters are drawn
        again, because the random numbers of the last ones come after those of the first.
        """
        arm.study.sampler = self._sampler(arm, frozen.number)
        return reopen_trial(arm.study, frozen, redraw=_STARTED not in frozen.user_attrs)

    def _sampler(self, arm: Arm, number: int) -> optuna.samplers.TPESampler:
        """Returns a sampler with a seed per trial, so that a resumed search repeats no draw."""
        seed = np.random.SeedSequence((self._seed, arm.index, number))
        with warnings.catch_warnings():  # `group` has been experimental since Optuna 2.8
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(
                n_startup_trials=self._startup,
                multivariate=True,
                group=True,
                constant_liar=True,
                seed=int(seed.generate_state(1)[0]),
            )

    def report(self, trial_id: str, epoch: int, score: float) -> None:
        """Stores an intermediate score; a score that a retry repeats is not stored again."""
        _, trial, known = self._open[trial_id]
        if np.isfinite(score) and epoch not in known:
            trial.report(score, epoch)
            known.add(epoch)

    def note(self, trial_id: str, **attributes: Any) -> None:
        """Stores attributes of a running trial."""
        for name, value in attributes.items():
            self._open[trial_id][1].set_user_attr(name, value)

    def state_of(self, report: Mapping[str, Any]) -> str:
        """Returns the final state of a trial, from its last report."""
        if report["failure"]:
            return "failed"
        return "complete" if report["epoch"] >= self._epochs else "pruned"

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Stores the end of a trial: complete, pruned with its last step, or failed with a reason.

        An interrupted trial stays open. It continues when the study is resumed.
        """
        self.failure.attempt(self._tell, trial_id, result, error=error)

    def _tell(self, trial_id: str, result: Mapping[str, Any] | None, *, error: bool) -> None:
        arm, trial, _ = self._open[trial_id]
        if error:
            self._give_up(arm, trial)
        elif result and result.get("done"):
            state = self.state_of(result)
            if state == "failed":
                trial.set_user_attr("failure", result["failure"])
            value = result["score"] if state == "complete" else None
            arm.study.tell(trial, value, state=_ENDS[state])
        del self._open[trial_id]

    def _give_up(self, arm: Arm, trial: optuna.Trial) -> None:
        """Ends a trial whose process failed too often; otherwise the trial is suggested again.

        Tune does not retry if a process fails after its last trial and before the next one starts.
        """
        self._deaths[arm.key, trial.number] += 1
        if self.will_retry(arm.key, trial.number):
            self._unfinished.append((arm, arm.trials[trial.number]))
        else:
            why = self._reasons.get((arm.key, trial.number), "unknown reason")
            trial.set_user_attr("failure", f"its process failed too many times ({why})")
            arm.study.tell(trial, state=TrialState.FAIL)

    def record_death(self, trial_id: str, why: str) -> None:
        """Counts a failure of a trial's process, and stores the reason."""
        arm, trial, _ = self._open[trial_id]
        self._deaths[arm.key, trial.number] += 1
        self._reasons[arm.key, trial.number] = why

    def will_retry(self, key: str, place: int) -> bool:
        """Returns whether a trial is run again after the failures of its process so far."""
        return self._deaths[key, place] <= RETRIES

    def __getstate__(self) -> dict[str, Any]:
        """Returns an empty state for Tune's snapshot, which is written but never read."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Writes nothing: the Optuna storage is the only source of the study's state."""

    def restore(self, checkpoint_path: str) -> None:
        """Refuses: a study is resumed from its Optuna storage.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("a study is resumed from its Optuna storage, not from Tune's snapshot")
