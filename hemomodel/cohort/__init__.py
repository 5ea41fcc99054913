"""The sessions that are analysed: validated, filtered, with a record of what each rule removed.

A table or the built-in generator (`synthetic/`) comes in; a `Cohort` goes out.
Open `cohort.py` first, then `validation.py` for what is refused.
Names that need SciPy are loaded when they are first used.
"""

from typing import TYPE_CHECKING

from hemomodel.cohort.attrition import Attrition
from hemomodel.cohort.cohort import Cohort, build_cohort, load_cohort
from hemomodel.cohort.summary import CohortSummary, summarize_file, table_one
from hemomodel.lazy import lazy_names

if TYPE_CHECKING:
    from hemomodel.cohort.synthetic.cohort import synthetic_cohort, synthetic_workbook

__all__ = [
    "Attrition",
    "Cohort",
    "CohortSummary",
    "build_cohort",
    "load_cohort",
    "summarize_file",
    "synthetic_cohort",
    "synthetic_workbook",
    "table_one",
]

__getattr__ = lazy_names(
    __name__, {"synthetic_cohort": "synthetic.cohort", "synthetic_workbook": "synthetic.cohort"}
)
