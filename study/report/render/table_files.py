"""Tables as CSV and LaTeX, safe to open."""

import numpy as np
import pandas as pd

from hemomodel.tables.cell_safety import escape_formula_texts

__all__ = ["to_csv", "to_latex"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "µ": r"\textmu{}",
    "−": "$-$",
    "–": "--",
}


def to_csv(frame: pd.DataFrame) -> str:
    """Returns a table as CSV; a text that a spreadsheet would run gets an apostrophe first."""
    columns = [_escape_cells(frame.iloc[:, place]) for place in range(frame.shape[1])]
    safe = pd.concat(columns, axis=1) if columns else frame
    safe.columns = pd.Index(_escape_cells(pd.Series(frame.columns, dtype=object)))
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _escape_cells(cells: pd.Series) -> pd.Series:
    """Returns cells (N,) of any kind, with the texts among them made safe for a spreadsheet."""
    is_text = np.array([isinstance(cell, str) for cell in cells], dtype=bool)
    if not is_text.any():
        return cells
    safe = cells.astype(object)
    safe.iloc[is_text] = escape_formula_texts(safe.iloc[is_text])
    return safe


def to_latex(frame: pd.DataFrame, caption: str) -> str:
    """Returns a table as LaTeX, with the rules of booktabs.

    Args:
        frame: the table.
        caption: plain text.
    """
    align = "".join("r" if pd.api.types.is_numeric_dtype(frame[c]) else "l" for c in frame)
    lines = [
        "% needs \\usepackage{booktabs,longtable}; for Chinese, XeLaTeX with \\usepackage{xeCJK}",
        rf"\begin{{longtable}}{{{align}}}",
        rf"\caption{{{_escape(caption)}}} \\",
        r"\toprule",
        _line([str(column).replace("_", " ") for column in frame.columns]),
        r"\midrule",
        r"\endhead",
        *(_line([_text(cell) for cell in row]) for row in frame.itertuples(index=False)),
        r"\bottomrule",
        r"\end{longtable}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return " & ".join(_escape(cell) for cell in cells) + r" \\"


def _text(cell: object) -> str:
    if cell is None or cell is pd.NA or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124 - NaN
        return "–"
    if isinstance(cell, float):
        return f"{cell:.4g}".replace("-", "−")
    return str(cell)


def _escape(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in " ".join(text.split()))
