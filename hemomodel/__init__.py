"""Multi-task networks for the dialysis prescription: cohort, network, balancers, training.

Names are loaded at first use, so that a script can print `--help`, or refuse a setting, without
loading torch.
"""

from typing import TYPE_CHECKING

from hemomodel.lazy import lazy_names

if TYPE_CHECKING:
    from hemomodel.cohort.cohort import Cohort, load_cohort
    from hemomodel.cohort.synthetic.cohort import synthetic_cohort
    from hemomodel.cohort.synthetic.options import SyntheticOptions
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
    "SyntheticOptions",
    "fit",
    "load",
    "load_cohort",
    "synthetic_cohort",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Cohort": "cohort.cohort",
        "Fit": "training.fitting",
        "FitConfig": "training.fit_config",
        "InputError": "errors",
        "Model": "recommender.model",
        "Replicates": "dataset.splits",
        "SyntheticOptions": "cohort.synthetic.options",
        "fit": "training.fitting",
        "load": "recommender.folder",
        "load_cohort": "cohort.cohort",
        "synthetic_cohort": "cohort.synthetic.cohort",
    },
)
