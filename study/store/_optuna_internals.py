"""All uses of Optuna that its public interface does not cover.

An upgrade of Optuna may break them: tests/study/store/test_optuna_internals.py then fails.
"""

import copy
from collections.abc import Generator
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

__all__ = ["CompactJournalBackend", "reopen_trial", "storage_of"]


def storage_of(study: optuna.Study) -> BaseStorage:
    """Returns the storage of an Optuna study."""
    return study._storage  # noqa: SLF001 - Optuna has no public access to it


def reopen_trial(study: optuna.Study, frozen: FrozenTrial, *, redraw: bool) -> optuna.Trial:
    """Opens a trial that an earlier process left open.

    Args:
        study: of the trial; its sampler draws the missing parameters.
        frozen: the stored trial.
        redraw: whether the stored parameters are drawn again.
    """
    trial = optuna.Trial(study, frozen._trial_id)  # noqa: SLF001 - no public way to reopen
    if redraw:
        blank = copy.copy(frozen)
        blank.params, blank.distributions = {}, {}
        trial._cached_frozen_trial = blank  # noqa: SLF001 - the parameters drawn so far
    return trial


class CompactJournalBackend(JournalFileBackend):
    """Optuna's journal file that stores only its last read position, not one per line."""

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yields the records from a number onwards."""
        begin = self._log_number_offset.get(log_number_from)
        if begin is not None:
            self._log_number_offset = {log_number_from: begin}
        return super().read_logs(log_number_from)
