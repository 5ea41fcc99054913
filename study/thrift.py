"""What Tune and Optuna keep of every trial: with thousands of them it would fill the driver."""

from collections.abc import Generator
from typing import Any

from optuna.storages.journal import JournalFileBackend
from ray.tune.experiment import Trial

__all__ = ["Ended", "ThriftyJournal"]


class Ended:
    """The trials that have ended, of which Tune needs no more than that they have."""

    def __init__(self) -> None:
        self._first: Trial | None = None

    def forget(self, trial: Trial) -> None:
        """Empties a trial; what Tune may still look at is shared by all of them."""
        first = self._first = self._first or trial
        trial.config = trial._Trial__unresolved_config = {}  # noqa: SLF001 - a copy that it keeps
        trial.evaluated_params, trial.experiment_tag = {}, ""
        trial._default_result_or_future = None  # noqa: SLF001 - an object in Ray's store
        first.run_metadata.last_result = {}
        first.run_metadata.metric_analysis.clear()
        first.run_metadata.metric_n_steps.clear()
        trial.run_metadata, trial.storage = first.run_metadata, first.storage
        trial.placement_group_factory = first.placement_group_factory


class ThriftyJournal(JournalFileBackend):
    """Optuna's journal file, which remembers where it left off and not where each line begins."""

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yields the records from a number on."""
        begin = self._log_number_offset.get(log_number_from)
        if begin is not None:
            self._log_number_offset = {log_number_from: begin}
        return super().read_logs(log_number_from)
