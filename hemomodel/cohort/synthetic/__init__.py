"""The built-in cohort: synthetic patients in the hospital workbook's own columns.

State of the patient (`patients`), the physician's choice (`prescribing_model`, `prescription`),
what the session achieves (`session`) and what is written down of it (`missingness`, `workbook`) are
drawn after published aggregates; no line stems from a real patient. As all laws are known, so is
the best possible prediction (`oracle`), also among the sessions that are kept (`selection`).
"""

from hemomodel.cohort.synthetic.cohort import synthetic_cohort, synthetic_workbook

__all__ = ["synthetic_cohort", "synthetic_workbook"]
