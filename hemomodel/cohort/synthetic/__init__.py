"""The built-in cohort: synthetic patients, in the columns of the hospital's workbook.

The modules draw the state of a patient (`patients`), the prescription (`prescribing_model`,
`prescription`), the result of the session (`session`) and the recorded values (`missingness`,
`workbook`). A user can make other patients (`options`); `drivers` defines what this adds to the
prescription. The distributions are based on published aggregates; no row is a real patient. All
distributions are known. So the best possible prediction is known too (`oracle`), also among the
sessions that are kept (`selection`).
"""

from hemomodel.cohort.synthetic.cohort import synthetic_cohort, synthetic_workbook
from hemomodel.cohort.synthetic.options import SyntheticOptions

__all__ = ["SyntheticOptions", "synthetic_cohort", "synthetic_workbook"]
