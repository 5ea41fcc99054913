"""Turns a cohort into a stack: folds and seeds as replicates, features fitted on training rows.

Input: a `Cohort` and `Replicates`. Output: a `Stack` of arrays, whose first axis is R replicates.
Read `splits.py` first, then `preprocessor.py` and `stack.py`.
Names that need scikit-learn are loaded on first use.
"""

from typing import TYPE_CHECKING

from hemomodel.dataset.stack import Stack
from hemomodel.lazy import lazy_names

if TYPE_CHECKING:
    from hemomodel.dataset.design_matrix import DesignMatrix, fit_design_matrix
    from hemomodel.dataset.preparation import prepare
    from hemomodel.dataset.preprocessor import build_preprocessor, feature_names
    from hemomodel.dataset.splits import Replicates, Split

__all__ = [
    "DesignMatrix",
    "Replicates",
    "Split",
    "Stack",
    "build_preprocessor",
    "feature_names",
    "fit_design_matrix",
    "prepare",
]

__getattr__ = lazy_names(
    __name__,
    {
        "DesignMatrix": "design_matrix",
        "Replicates": "splits",
        "Split": "splits",
        "build_preprocessor": "preprocessor",
        "feature_names": "preprocessor",
        "fit_design_matrix": "design_matrix",
        "prepare": "preparation",
    },
)
