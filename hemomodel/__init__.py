"""Multi-task networks for the dialysis prescription: cohort, network, balancers, training.

Names are loaded when they are first used, so that a script can answer `--help`, or refuse a
setting, without waiting for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemomodel.cohort import Cohort, load_cohort
    from hemomodel.config import FitConfig
    from hemomodel.errors import InputError
    from hemomodel.fitting import Fit, fit
    from hemomodel.model import Model
    from hemomodel.model_folder import load
    from hemomodel.replicates import Replicates
    from hemomodel.synthetic import synthetic_cohort

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
    "Cohort": "cohort",
    "Fit": "fitting",
    "FitConfig": "config",
    "InputError": "errors",
    "Model": "model",
    "Replicates": "replicates",
    "fit": "fitting",
    "load": "model_folder",
    "load_cohort": "cohort",
    "synthetic_cohort": "synthetic",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
