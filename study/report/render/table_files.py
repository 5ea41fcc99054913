"""Tables as CSV and LaTeX, safe to open."""

import numpy as np
import pandas as pd

from hemomodel.tables.cell_safety import escape_formula_texts

__all__ = ["to_csv", "to_latex"]

_NEEDS = r"% needs \usepackage{booktabs,longtable}; for Chinese, XeLaTeX with \usepackage{xeCJK}"
_LATEX = str.maketrans(
    {
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
        "²": r"\textsuperscript{2}",
        "³": r"\textsuperscript{3}",
        "µ": r"\textmu{}",
        "−": "$-$",
        "–": "--",
    }
)


def to_csv(frame: pd.DataFrame) -> str:
    """Returns a table as CSV; a text that a spreadsheet would run starts with an apostrophe."""
    columns = [_escape_cells(frame.iloc[:, place]) for place in range(frame.shape[1])]
    safe = pd.concat(columns, axis=1) if columns else frame
    safe.columns = pd.Index(_escape_cells(pd.Series(frame.columns, dtype=object)))
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _escape_cells(cells: pd.Series) -> pd.Series:
    """Returns cells (N,) of any type; texts are made safe for a spreadsheet."""
    is_text = np.array([isinstance(cell, str) for cell in cells], dtype=bool)
    if not is_text.any():
        return cells
    safe = cells.astype(object)
    safe.iloc[is_text] = escape_formula_texts(safe.iloc[is_text])
    return safe


def to_latex(frame: pd.DataFrame, caption: str) -> str:
    """Returns a table as LaTeX, with the rules of booktabs.

    Args:
        frame: the table; its columns have different names.
        caption: plain text.
    """
    align = "".join("r" if pd.api.types.is_numeric_dtype(frame[c]) else "l" for c in frame)
    cells = frame.astype(object).map(_text).reset_index(drop=True)
    style = cells.rename(columns=lambda name: _text(str(name).replace("_", " "))).style
    text = (
        style.hide()
        .format(escape="latex")
        .format_index(escape="latex", axis=1)
        .to_latex(
            hrules=True, caption=_escape(caption), column_format=align, environment="longtable"
        )
    )
    return f"{_NEEDS}\n{text.translate(_LATEX)}"


def _text(cell: object) -> str:
    if cell is None or cell is pd.NA or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124 - NaN
        return "–"
    if isinstance(cell, float):
        return f"{cell:.4g}".replace("-", "−")
    return " ".join(str(cell).split())


def _escape(text: str) -> str:
    """Returns a text as pandas writes it into a cell: pandas does not escape a caption."""
    style = pd.DataFrame([[_text(text)]]).style.hide().hide(axis=1)
    return style.format(escape="latex").to_latex().splitlines()[1].removesuffix(r" \\")
