"""The rows to analyse: validated and filtered, with the number of rows that each rule removed.

Input: a table or the built-in generator (`synthetic/`). Output: a `Cohort`.
Read `cohort.py` first, then `validation.py` for the checks.
Names that need SciPy are loaded at first use.
"""

from typing import TYPE_CHECKING

from hemomodel.cohort.attrition import Attrition
from hemomodel.cohort.cohort import Cohort, build_cohort, load_cohort
from hemomodel.cohort.summary import CohortSummary, summarize_file, table_one
from hemomodel.lazy import lazy_names

if TYPE_CHECKING:
    from hemomodel.cohort.synthetic.cohort import synthetic_cohort, synthetic_workbook
    from hemomodel.cohort.synthetic.options import SyntheticOptions

__all__ = [
    "Attrition",
    "Cohort",
    "CohortSummary",
    "SyntheticOptions",
    "build_cohort",
    "load_cohort",
    "summarize_file",
    "synthetic_cohort",
    "synthetic_workbook",
    "table_one",
]

__getattr__ = lazy_names(
    __name__,
    {
        "SyntheticOptions": "synthetic.options",
        "synthetic_cohort": "synthetic.cohort",
        "synthetic_workbook": "synthetic.cohort",
    },
)
