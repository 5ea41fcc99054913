"""The comparison of the arms on held-out rows, as data and in words."""

from study.comparison.build import compare
from study.comparison.tables import comparison_table, difference_table, task_table
from study.comparison.verdict import held_out

__all__ = ["compare", "comparison_table", "difference_table", "held_out", "task_table"]
