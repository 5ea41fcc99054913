"""What the user asked for, checked: the one object that a running study is passed by."""

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
    """A study whose input is valid. What is on disk of it is read from its folder.

    Attributes:
        started: when the command was started, in seconds of the monotonic clock.
        settings: of the study.
        folder: of the study.
        lock: on the folder, held.
        space: to search.
        cohort: to search on.
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
        """What the W&B configurations of all trials share."""
        study = {"study": self.folder.name, "data_digest": self.cohort.digest}
        return {**self.settings.fit, **study}
