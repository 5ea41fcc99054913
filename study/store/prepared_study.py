"""The checked input of a study: the one object that is passed through a running study."""

from dataclasses import dataclass
from typing import Any

from hemomodel.cohort.cohort import Cohort
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings
from study.store.lock import StudyLock
from study.store.study_folder import StudyFolder

__all__ = ["PreparedStudy"]


@dataclass(frozen=True)
class PreparedStudy:
    """A study with valid input. Its state on disk is read from its folder.

    Attributes:
        started: when the command was started, in seconds of the monotonic clock.
        settings: of the study.
        folder: of the study.
        lock: the lock on the folder; this process holds it.
        space: the search space.
        cohort: the data.
    """

    started: float
    settings: Settings
    folder: StudyFolder
    lock: StudyLock
    space: SearchSpace
    cohort: Cohort

    @property
    def epochs(self) -> int:
        """The epochs of a trial that is not stopped early."""
        return self.space.base.epochs

    @property
    def shared_config(self) -> dict[str, Any]:
        """The entries that the W&B configurations of all trials share."""
        study = {"study": self.folder.name, "data_digest": self.cohort.digest}
        return {**self.settings.fit, **study}
