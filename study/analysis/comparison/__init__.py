"""The comparison of the arms on held-out rows, as data and in words."""

from study.analysis.comparison.build import compare
from study.analysis.comparison.tables import comparison_table, difference_table, task_table
from study.analysis.comparison.verdict import held_out

__all__ = ["compare", "comparison_table", "difference_table", "held_out", "task_table"]
