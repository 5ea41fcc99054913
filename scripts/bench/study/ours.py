"""Runs `hemomodel-search` with clocks: CPU time of the driver's phases and of each training."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLOCK: defaultdict[str, float] = defaultdict(float)  # CPU seconds of the driver, by phase
TRIALS: dict[int, dict[str, float]] = {}  # by number: epochs and CPU seconds of training


def clocked(owner: type, name: str, phase: str) -> None:
    """Adds the CPU time of a method to a phase."""
    method: Callable[..., Any] = getattr(owner, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        begun = time.thread_time()
        try:
            return method(*args, **kwargs)
        finally:
            CLOCK[phase] += time.thread_time() - begun

    setattr(owner, name, counted)


def marked(owner: Any, name: str, file: Path) -> None:
    """Makes a file when a function is first called."""
    function: Callable[..., Any] = getattr(owner, name)

    def marking(*args: Any, **kwargs: Any) -> Any:
        file.touch()
        return function(*args, **kwargs)

    setattr(owner, name, marking)


def install(folder: Path) -> None:
    """Adds clocks to the study."""
    import study.pipeline.run
    import study.search.tune  # Ray has been started by now
    from study.search.searcher import ArmSearcher
    from study.search.trial_callback import TrialCallback
    from study.store.trial_tables import TrialTableWriter
    from study.tracking.tracker import WandbTracker

    for name in ("start", "log", "finish"):
        clocked(WandbTracker, name, "W&B")
    for name in ("add", "close"):
        clocked(TrialTableWriter, name, "tables")
    for name in ("suggest", "report", "note", "on_trial_complete"):
        clocked(ArmSearcher, name, "Optuna")
    marked(TrialCallback, "on_trial_start", folder / "first")
    marked(study.pipeline.run, "merge_trial_tables", folder / "searched")
    report = TrialCallback.on_trial_result

    def noted(self: TrialCallback, *args: Any, trial: Any, result: Any, **kwargs: Any) -> None:
        TRIALS[trial.config["number"]] = {"epochs": result["epoch"], "cpu": result["cpu"]}
        report(self, *args, trial=trial, result=result, **kwargs)

    TrialCallback.on_trial_result = noted  # type: ignore[method-assign,assignment]
    study.search.tune.StackedTrial = timed_trial()  # type: ignore[misc]


def timed_trial() -> type:
    """Returns a class of trials that also report the CPU seconds of training so far."""
    from study.search.trial import StackedTrial

    class Timed(StackedTrial):
        def setup(self, config: dict[str, Any], **parts: Any) -> None:
            self.training = clock_training()
            super().setup(config, **parts)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.training.clear()
            return super().reset_config(new_config)

        def step(self) -> dict[str, Any]:
            return {**super().step(), "cpu": sum(self.training)}

    return Timed


def clock_training() -> list[float]:
    """Counts the CPU seconds of each call of `Training.run_epochs` of this process from now on."""
    from hemomodel.training.loop import Training

    run, seconds = Training.run_epochs, []

    def counted(self: Training, epochs: int) -> Any:
        begun = time.thread_time()
        history = run(self, epochs)
        seconds.append(time.thread_time() - begun)
        return history

    Training.run_epochs = counted  # type: ignore[method-assign]
    return seconds


def main() -> int:
    """Runs the study; writes trials.json and clocks.json."""
    folder, *arguments = sys.argv[1:]
    sys.argv = ["search.py", *arguments]
    import study.pipeline.commands.search
    import study.pipeline.preflight

    begin = study.pipeline.preflight.preflight

    def beginning(*args: Any, **kwargs: Any) -> Any:
        begun = begin(*args, **kwargs)
        install(Path(folder))
        return begun

    study.pipeline.preflight.preflight = beginning
    try:
        code = study.pipeline.commands.search.main()
    finally:
        Path(folder, "trials.json").write_text(json.dumps(list(TRIALS.values())))
        Path(folder, "clocks.json").write_text(json.dumps(CLOCK))
    return code


if __name__ == "__main__":
    sys.exit(main())
