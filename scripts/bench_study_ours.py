"""`scripts/search.py` with clocks: what the driver spends on what, and each trial's training."""

import json
import runpy
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

CLOCK: defaultdict[str, float] = defaultdict(float)  # CPU seconds of the driver, by phase
TRIALS: dict[int, dict[str, float]] = {}  # by number: epochs and CPU seconds of training


def clocked(owner: type, name: str, phase: str) -> None:
    """Counts the CPU time of a method under a phase."""
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
    """Puts clocks on the study."""
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
    marked(study.pipeline.run, "_write_tables", folder / "searched")
    report = TrialCallback.on_trial_result

    def noted(self: TrialCallback, *args: Any, trial: Any, result: Any, **kwargs: Any) -> None:
        TRIALS[trial.config["number"]] = {"epochs": result["epoch"], "cpu": result["cpu"]}
        report(self, *args, trial=trial, result=result, **kwargs)

    TrialCallback.on_trial_result = noted  # type: ignore[method-assign,assignment]
    study.search.tune.StackedTrial = timed_trial()  # type: ignore[misc]


def timed_trial() -> type:
    """Returns the trial, with the CPU time of its training in each report."""
    from study.search.trial import StackedTrial

    class Timed(StackedTrial):
        def step(self) -> dict[str, Any]:
            begun = time.thread_time()
            self._aside = 0.0
            report = super().step()
            self._cpu += time.thread_time() - begun - self._aside
            return {**report, "cpu": self._cpu}

        def _begin(self, config: dict[str, Any]) -> None:
            self._cpu = 0.0
            super()._begin(config)

        def _report(self, until: int) -> Any:
            return self._beside(partial(super()._report, until))

        def _save(self) -> None:
            self._beside(super()._save)

        def _beside(self, work: Callable[[], Any]) -> Any:
            begun = time.thread_time()
            done = work()
            self._aside += time.thread_time() - begun
            return done

    return Timed


def main() -> None:
    """Runs the study; writes trials.json and clocks.json."""
    folder, *arguments = sys.argv[1:]
    sys.argv = ["search.py", *arguments]
    import study.pipeline.preflight

    begin = study.pipeline.preflight.preflight

    def beginning(*args: Any, **kwargs: Any) -> Any:
        begun = begin(*args, **kwargs)
        install(Path(folder))
        return begun

    study.pipeline.preflight.preflight = beginning
    try:
        runpy.run_path(str(Path(__file__).with_name("search.py")), run_name="__main__")
    finally:
        Path(folder, "trials.json").write_text(json.dumps(list(TRIALS.values())))
        Path(folder, "clocks.json").write_text(json.dumps(CLOCK))


if __name__ == "__main__":
    main()
