"""Makes texts safe for a spreadsheet program, which runs cells that look like formulas."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["escape_formula_texts", "escape_formulas"]

_FORMULA = r"^[=+\-@\t\r]"  # what a spreadsheet would run
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"  # what XML, so a workbook, cannot hold


def escape_formulas(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Returns texts that a spreadsheet can hold, and will not run.

    A control character is replaced; before what would be a formula stands an apostrophe.
    """
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return column
    column = pc.replace_substring_regex(column, _CONTROL, "\ufffd")
    risky = pc.match_substring_regex(column, _FORMULA)
    marked = pc.binary_join_element_wise(
        pa.scalar("'", column.type), column, pa.scalar("", column.type)
    )
    return pc.if_else(risky, marked, column)


def escape_formula_texts(texts: Iterable[str]) -> list[str]:
    """Returns the texts as `harmless` makes them."""
    found: list[str] = escape_formulas(pa.array(texts, pa.string())).to_pylist()
    return found
