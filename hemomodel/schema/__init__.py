"""Describes a table: its columns, units, limits, filters, feature sets and tasks.

Input: a schema file (YAML). Output: an immutable `Schema`. Nothing in this folder reads a table.
Read `schema.py` first, then `columns.py` for one column and `entries.py` for the other entries.
"""

from hemomodel.schema.columns import Column, TaskSpec
from hemomodel.schema.entries import Derived, FeatureBlock, Filter, Rule, Subgroup, Task
from hemomodel.schema.output_slices import is_value_mask, task_slices
from hemomodel.schema.schema import Schema, load_schema
from hemomodel.schema.strict_yaml import parse_yaml, read_yaml

__all__ = [
    "Column",
    "Derived",
    "FeatureBlock",
    "Filter",
    "Rule",
    "Schema",
    "Subgroup",
    "Task",
    "TaskSpec",
    "is_value_mask",
    "load_schema",
    "parse_yaml",
    "read_yaml",
    "task_slices",
]
