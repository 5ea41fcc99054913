"""The objects that every part of a running search needs."""

from dataclasses import dataclass
from typing import Any

from hemomodel.cohort.cohort import Cohort
from study.cluster.devices import Device
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings
from study.store.arms import Arm
from study.store.study_folder import StudyFolder
from study.tracking.tracker import Tracker

__all__ = ["StudyContext"]


@dataclass(frozen=True)
class StudyContext:
    """What every part of a running study needs.

    Attributes:
        resumed: an earlier process began it.
        journal_repair: what had to be done to its journal, or "".
    """

    settings: Settings
    folder: StudyFolder
    cohort: Cohort
    space: SearchSpace
    arms: list[Arm]
    epochs: int
    device: Device
    tracker: Tracker
    resumed: bool
    journal_repair: str

    @property
    def shared_config(self) -> dict[str, Any]:
        """What the W&B configurations of all trials share."""
        about = {"study": self.folder.name, "data_digest": self.cohort.digest}
        return {**self.settings.fit, **about}
