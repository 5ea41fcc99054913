"""One trial: a configuration that is trained as one stack, with a report every few epochs.

This part runs on Ray's workers. It uses neither Optuna's storage nor W&B.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from ray import tune
from torch import Tensor

from hemomodel.dataset.stack import Stack
from hemomodel.training.device_data import as_array
from hemomodel.training.history import History
from hemomodel.training.loop import Training
from study.search.checkpoint import SaveClock, load_validated_checkpoint, save_checkpoint
from study.settings.search_space import SearchSpace
from study.store.trial_report import ReportArrays, TrialReport

__all__ = ["StackedTrial", "report_epochs"]


def report_epochs(epochs: int, every: int, rungs: tuple[int, ...]) -> list[int]:
    """Returns the epochs of a trial's reports: every `every` epochs, each rung, and the end."""
    return sorted({*range(every, epochs, every), *(r for r in rungs if r < epochs), epochs})


class StackedTrial(tune.Trainable):
    """Trains one configuration; Ray uses the same actor for the next one."""

    def setup(
        self,
        config: dict[str, Any],
        stacks: Sequence[Stack],
        space: SearchSpace,
        stops: list[int],
        checkpoints: str,
        device: str,
    ) -> None:
        """Takes the study's common parts, which are the same for all trials.

        Args:
            config: of the first trial: number, outer_fold and params.
            stacks: one per outer fold.
            space: the search space; the parameters are a point of it.
            stops: epochs at which a trial reports.
            checkpoints: folder of the checkpoints.
            device: to train on.
        """
        torch.set_num_threads(1)
        self._stacks, self._space, self._stops = stacks, space, stops
        self._checkpoints, self._device = Path(checkpoints), device
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Starts another trial in the same process."""
        self._begin(new_config)
        return True

    def _begin(self, config: dict[str, Any]) -> None:
        """Starts a trial, or continues it from the checkpoint of an earlier process."""
        self._file = self._checkpoints / f"{config['number']:05d}.pt"
        stack = self._stacks[config["outer_fold"]]
        self._training = Training(self._space.build(config["params"]), stack, self._device)
        self._best = _Best.start(self._training.outputs())
        self._seconds = torch.zeros((), dtype=torch.float64)
        self._epochs: list[History] = []
        self._reported = 0
        self._saves = SaveClock()
        state = load_validated_checkpoint(self._file, self._training, self._best.outputs)
        if state is not None:
            self._restore(state)

    def step(self) -> dict[str, Any]:
        """Trains up to the next report; epochs from a checkpoint are only reported again."""
        begun = time.perf_counter()
        until = next(stop for stop in self._stops if stop > self._reported)
        while self._training.epoch < until:
            history = self._training.run_epochs(1)
            self._epochs.append(history)
            self._best = self._best.after(history, self._training)
        self._seconds += time.perf_counter() - begun
        report = self._report(until)
        done = until == self._stops[-1] or bool(report["failure"])
        if not done and until == self._training.epoch and self._saves.due():
            self._save()
        return {**report, "done": done}

    def _save(self) -> None:
        with self._saves.saving():
            save_checkpoint(self._file, self._state())

    def _report(self, until: int) -> TrialReport:
        history = History.joined(self._epochs[self._reported : until])
        first, self._reported = self._reported + 1, until
        best, best_epoch = self._best_by(until)
        finite = bool(torch.isfinite(history.skill).all())
        scores = self._training.scored.metrics(self._best.outputs)
        health = self._training.health()
        cosines = as_array(history.cosines.mean((0, 1)))
        return TrialReport(
            score=best if finite else float("nan"),
            best_epoch=best_epoch,
            epoch=until,
            seconds=float(self._seconds),
            failure="" if finite else f"a loss was not finite by epoch {until}",
            first_epoch=first,
            steps=until * self._training.steps_per_epoch,
            residual=float(health["residual"].max()) if health else float("nan"),
            unsolved=int(health["unsolved"].sum()) if health else 0,
            smallest_cosine=float(cosines.min()),
            passed=until < self._training.epoch,
            figures=ReportArrays(
                curves={
                    name: (as_array(value.mean(1)), as_array(value.std(1, correction=0)))
                    for name, value in history._asdict().items()
                    if name != "cosines"
                },
                cosines=cosines,
                epoch_scores=as_array(history.score),
                scores={name: as_array(value) for name, value in scores.items()},
            ),
        )

    def _best_by(self, epoch: int) -> tuple[float, int]:
        """Returns the best score up to an epoch, and its epoch."""
        if epoch == self._training.epoch:
            return float(self._best.score), int(self._best.epoch)
        scores = [float(past.score[-1]) for past in self._epochs[:epoch]]
        return max(scores), scores.index(max(scores)) + 1

    def _state(self) -> dict[str, Any]:
        return {
            "training": self._training.state(),
            "best": self._best._asdict(),
            "seconds": self._seconds,
            "epochs": History.joined(self._epochs)._asdict(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        """Continues from a checkpoint; its epochs are reported again: the driver may be new."""
        self._training.restore(state["training"])
        self._best = _Best(**state["best"])
        self._seconds = state["seconds"].cpu()
        columns = (value.split(1) for value in state["epochs"].values())
        self._epochs = [History(*epoch) for epoch in zip(*columns, strict=True)]


class _Best(NamedTuple):
    """The best epoch so far, chosen on the device without a copy to the host."""

    score: Tensor
    epoch: Tensor
    outputs: Tensor

    @classmethod
    def start(cls, outputs: Tensor) -> "_Best":
        epoch = torch.zeros((), dtype=torch.int64, device=outputs.device)
        return cls(outputs.new_full((), -torch.inf), epoch, outputs)

    def after(self, history: History, training: Training) -> "_Best":
        score = history.score[-1]
        better = score > self.score
        return _Best(
            torch.where(better, score, self.score),
            torch.where(better, training.epoch, self.epoch),
            torch.where(better, training.last_history, self.outputs),
        )
