"""The encoding of a text file, and the options for reading a .csv file."""

import codecs
from pathlib import Path
from typing import Any

__all__ = ["csv_options", "sniff_encoding"]

_BYTES = 2**22


def sniff_encoding(path: Path) -> str:
    """Returns UTF-8, with or without byte order mark, or the encoding of Excel in Taiwan (Big5).

    The complete file is read, in parts: its first Chinese cell may be its last cell.
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
    """Returns the options of `pandas.read_csv` with which each cell is the text in the file."""
    return {
        "header": None,  # so that two columns of one name stay separate
        "dtype": "str",
        "keep_default_na": False,
        "skip_blank_lines": False,  # so that row numbers stay correct
        "encoding": sniff_encoding(path),
    }
