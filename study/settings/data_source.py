"""Where the rows of a study come from: the built-in cohort, or a file."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, Self

__all__ = ["DataSource", "file_label"]

_DIGITS = 19  # more than any number of rows has


@dataclass(frozen=True)
class DataSource:
    """The setting `data`, parsed. It is not yet checked that the source can be read.

    Attributes:
        kind: the built-in cohort, or a file.
        text: the setting; for a file, its path.
        rows: rows of the built-in cohort; None if the setting has no whole number there.
    """

    kind: Literal["synthetic", "file"]
    text: str
    rows: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses `synthetic:ROWS`; any other text is the path of a file."""
        kind, _, rows = text.partition(":")
        if kind != "synthetic":
            return cls("file", text)
        return cls(
            "synthetic", text, int(rows) if rows.isdecimal() and len(rows) <= _DIGITS else None
        )

    @property
    def label(self) -> str:
        """The source in words, without the name of a file."""
        return file_label(self.text) if self.kind == "file" else self.text

    def to_dict(self) -> dict[str, Any]:
        """Returns the entry of a study's record, without the path; later versions may add keys."""
        if self.kind == "file":
            return {"kind": "file", "format": PurePosixPath(self.text).suffix.lower().lstrip(".")}
        return {"kind": "synthetic", "rows": self.rows}


def file_label(path: str) -> str:
    """Returns the kind of a file, without its name.

    >>> file_label("/ward/chen/HD.xlsx")
    'a xlsx file'
    """
    suffix = PurePosixPath(path).suffix.lstrip(".")
    return f"a {suffix} file" if suffix else "a path"
