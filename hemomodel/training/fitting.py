"""`fit`: trains one configuration on one cohort with one design."""

from dataclasses import dataclass

from torch import Tensor

from hemomodel.cohort.cohort import Cohort
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.splits import Replicates
from hemomodel.training.fit_config import FitConfig
from hemomodel.training.history import History
from hemomodel.training.loop import Training

__all__ = ["Fit", "fit"]


@dataclass(frozen=True)
class Fit:
    """The results of training.

    Attributes:
        scores: (R, T), validation skill after the last epoch.
        metrics: each metric of `hemomodel.training.metrics`, (R, T).
        history: every epoch, see `History`.
        training: the trained stack; it can be trained further or saved.
    """

    scores: Tensor
    metrics: dict[str, Tensor]
    history: History
    training: Training


def fit(config: FitConfig, cohort: Cohort, replicates: Replicates, *, device: str = "cpu") -> Fit:
    """Trains every replicate of a design and scores it on its validation rows.

    The numbers have torch's default dtype. Training all replicates together gives the same
    networks as training each replicate by itself.

    Args:
        config: the settings.
        cohort: the rows; the held-out rows of the design are not used.
        replicates: folds and seeds.
        device: the device to train on.

    Raises:
        InputError: the cohort is too small for the design, or lacks the feature set.
    """
    stack = prepare(cohort, replicates, features=config.features, targets=config.targets)
    training = Training(config, stack, device)
    history = training.run_epochs(config.epochs)
    metrics = training.scored.metrics(training.outputs())
    return Fit(metrics["skill"], metrics, history, training)
