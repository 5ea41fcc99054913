"""Reads and writes tables: .xlsx, .csv, .parquet and .arff files.

A path and a schema come in; a `Sheet` of raw cells, and then parsed columns, go out. Files are
checked against limits before they are opened. Open `readers.py` first, then `parsing.py`.
The writers of long tables are loaded when they are first used: workers that train do without them.
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
