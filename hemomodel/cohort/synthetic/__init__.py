"""The built-in cohort: synthetic patients in the hospital workbook's own columns.

The state of the patient (`patients`), the physician's choice (`prescribing_model`, `prescription`),
the result of the session (`session`) and its record (`missingness`, `workbook`) are drawn from
distributions with published aggregates; no row comes from a real patient. All distributions are
known, so the best possible prediction is known too (`oracle`), also for the sessions that the
cohort keeps (`selection`).
"""

from hemomodel.cohort.synthetic.cohort import synthetic_cohort, synthetic_workbook

__all__ = ["synthetic_cohort", "synthetic_workbook"]
