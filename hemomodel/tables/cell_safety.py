"""Makes texts safe for a spreadsheet program, which runs cells that look like formulas.

It is used for every file that a person opens in such a program: the tables of a report and the
recommendations.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["escape_formula_texts", "escape_formulas"]

# Programs skip white space and invisible characters before a formula, and some read the full-width
# signs of a Chinese keyboard as the ASCII ones.
_FORMULA = r"^(?:[\t\r]|[\s\p{Z}\p{C}]*[=+\-@＝＋－＠])"
_HARMLESS = r"^(?:-|(?i:[+\-](?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+\-]?[0-9]+)?|[+\-](?:inf|nan)))\z"
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"  # not allowed in XML


def escape_formulas(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns texts that a spreadsheet program can store and does not run.

    A text that it would run starts with an apostrophe; a signed number and a single "-" do not.
    A carriage return, which .csv readers treat as the end of a row, becomes a space. Any other
    control character except tab and line feed becomes U+FFFD.

    Args:
        column: (N,) of any type; only strings are changed.
    """
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return column
    risky = pc.match_substring_regex(column, _FORMULA)
    if pc.any(risky).as_py():
        risky = pc.and_not(risky, pc.match_substring_regex(column, _HARMLESS))
    if pc.any(pc.match_substring_regex(column, rf"\r|{_CONTROL}")).as_py():
        column = pc.replace_substring(column, "\r", " ")
        column = pc.replace_substring_regex(column, _CONTROL, "\ufffd")
    if pc.any(risky).as_py():
        marks = pc.if_else(risky, pa.scalar("'", column.type), pa.scalar("", column.type))
        column = pc.binary_join_element_wise(marks, column, pa.scalar("", column.type))
    return column


def escape_formula_texts(texts: Iterable[str]) -> list[str]:
    """Returns the texts, escaped as in `escape_formulas`."""
    column = pa.chunked_array([pa.array(texts, pa.string())])
    safe: list[str] = escape_formulas(column).to_pylist()
    return safe
