"""Which encoding a text file has, and how the cells of a .csv file are read."""

import codecs
from pathlib import Path
from typing import Any

__all__ = ["csv_options", "sniff_encoding"]

_BYTES = 2**22


def sniff_encoding(path: Path) -> str:
    """Returns UTF-8, with or without its mark, or what Excel writes on a Taiwanese Windows.

    The whole file is read, some megabytes at a time: its first Chinese cell may be its last.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp950"
    return "utf-8-sig"


def csv_options(path: Path) -> dict[str, Any]:
    """Returns what `pandas.read_csv` must be told so that each cell is the text in the file."""
    return {
        "header": None,  # keeps two columns of one name apart
        "dtype": "str",
        "keep_default_na": False,
        "skip_blank_lines": False,  # keeps the count of the rows
        "encoding": sniff_encoding(path),
    }
