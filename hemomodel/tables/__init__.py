"""Reads and writes tables: .xlsx, .csv, .parquet and .arff files.

Input: a path and a schema. Output: a `Sheet` of raw cells, then parsed columns. Files are checked
against limits before they are opened. Read `readers.py` first, then `parsing.py`.
The writers of long tables are loaded at first use, because training workers do not need them.
"""

from typing import TYPE_CHECKING

from hemomodel.lazy import lazy_names
from hemomodel.tables.cell_safety import escape_formula_texts, escape_formulas
from hemomodel.tables.chunked import read_chunks
from hemomodel.tables.output_files import atomic_write, check_output_path, write_table
from hemomodel.tables.parsing import parse_column
from hemomodel.tables.readers import read_file, read_frame
from hemomodel.tables.schema_inference import infer_schema
from hemomodel.tables.sheet import Sheet

if TYPE_CHECKING:
    from hemomodel.tables.streaming_writers import WRITERS

__all__ = [
    "WRITERS",
    "Sheet",
    "atomic_write",
    "check_output_path",
    "escape_formula_texts",
    "escape_formulas",
    "infer_schema",
    "parse_column",
    "read_chunks",
    "read_file",
    "read_frame",
    "write_table",
]

__getattr__ = lazy_names(__name__, {"WRITERS": "streaming_writers"})
