"""Multi-task networks for the dialysis prescription: cohort, network, balancers, training.

Names are loaded when they are first used, so that a script can answer `--help`, or refuse a
setting, without waiting for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemomodel.cohort.cohort import Cohort, load_cohort
    from hemomodel.cohort.synthetic.cohort import synthetic_cohort
    from hemomodel.dataset.splits import Replicates
    from hemomodel.errors import InputError
    from hemomodel.recommender.folder import load
    from hemomodel.recommender.model import Model
    from hemomodel.training.fit_config import FitConfig
    from hemomodel.training.fitting import Fit, fit

__all__ = [
    "Cohort",
    "Fit",
    "FitConfig",
    "InputError",
    "Model",
    "Replicates",
    "fit",
    "load",
    "load_cohort",
    "synthetic_cohort",
]

_HOMES = {
    "Cohort": "cohort.cohort",
    "Fit": "training.fitting",
    "FitConfig": "training.fit_config",
    "InputError": "errors",
    "Model": "recommender.model",
    "Replicates": "dataset.splits",
    "fit": "training.fitting",
    "load": "recommender.folder",
    "load_cohort": "cohort.cohort",
    "synthetic_cohort": "cohort.synthetic",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
