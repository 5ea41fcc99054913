"""An arm of the study, and its trials in the Optuna storage."""

from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial

from hemomodel.errors import InputError

__all__ = ["Arm", "open_arms"]


@dataclass(frozen=True)
class Arm:
    """One arm in one outer fold. Its sampler uses only its own trials.

    Attributes:
        name: the balancer, or `joint`.
        index: its place among the arms of all outer folds.
        arms: number of arms in all outer folds.
        balancers: the balancers that it may draw.
        outer_fold: the part of the rows that its trials never see.
        study: its Optuna study.
    """

    name: str
    index: int
    arms: int
    balancers: tuple[str, ...]
    outer_fold: int
    study: optuna.Study

    @property
    def key(self) -> str:
        """Its name in the storage: `equal`, or `equal@2` in the third search of a nested study."""
        return str(self.study.study_name)

    @property
    def trials(self) -> list[FrozenTrial]:
        """Its trials so far, in order."""
        return self.study.get_trials(deepcopy=False)

    def number(self, place: int) -> int:
        """Returns the study-wide number of the arm's trial at a place."""
        return place * self.arms + self.index


def open_arms(
    storage: optuna.storages.BaseStorage,
    arms: dict[str, tuple[str, ...]],
    outer_folds: int = 1,
    prefix: str = "",
) -> list[Arm]:
    """Opens or creates one Optuna study per arm and outer fold, with direction maximize.

    Args:
        storage: of the study.
        arms: name -> the balancers that it may draw.
        outer_folds: number of searches; more than one in a nested study.
        prefix: of the names in a storage that several studies share.

    Raises:
        InputError: a stored study has direction minimize.
    """
    opened: list[Arm] = []
    for outer_fold in range(outer_folds):
        for name, balancers in arms.items():
            study = optuna.create_study(
                storage=storage,
                study_name=prefix + (name if outer_folds == 1 else f"{name}@{outer_fold}"),
                direction="maximize",
                load_if_exists=True,
            )
            if study.direction != optuna.study.StudyDirection.MAXIMIZE:  # Optuna accepts it
                raise InputError(
                    f"the stored study {study.study_name} has direction minimize, not maximize, "
                    "so this program did not create it; choose another --name"
                )
            count = outer_folds * len(arms)
            opened.append(Arm(name, len(opened), count, balancers, outer_fold, study))
    return opened
