"""Where the rows of a study come from: the built-in cohort, or a file."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, Self

from hemomodel.errors import InputError

if TYPE_CHECKING:
    from hemomodel.cohort.synthetic.options import SyntheticOptions

__all__ = ["DataSource", "file_label"]

_DIGITS = 19  # more than any number of rows has


@dataclass(frozen=True)
class DataSource:
    """The setting `data`, parsed. It is not yet checked that the source can be read.

    Attributes:
        kind: the built-in cohort, or a file.
        text: the setting; for a file, its path.
        rows: rows of the built-in cohort; None if the setting has no whole number there.
        options_text: the options of the built-in cohort as written; None if there are none.
    """

    kind: Literal["synthetic", "file"]
    text: str
    rows: int | None = None
    options_text: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses `synthetic:ROWS` or `synthetic:ROWS,OPTION=VALUE,...`; other texts are paths."""
        kind, _, rest = text.partition(":")
        if kind != "synthetic":
            return cls("file", text)
        rows, comma, options = rest.partition(",")
        count = int(rows) if rows.isdecimal() and len(rows) <= _DIGITS else None
        return cls("synthetic", text, count, options if comma else None)

    def options(self) -> "SyntheticOptions":
        """Returns the options of the built-in cohort.

        Raises:
            InputError: an option is unknown, is given twice, or has a value that it cannot have.
        """
        from hemomodel.cohort.synthetic.options import SyntheticOptions  # loads pandas

        if self.options_text is None:
            return SyntheticOptions()
        try:
            return SyntheticOptions.parse(self.options_text)
        except InputError as error:
            raise InputError(f"--data {self.text[:60]}: {error}") from None

    @property
    def label(self) -> str:
        """The source in words, without the name of a file."""
        return file_label(self.text) if self.kind == "file" else self.text

    def to_dict(self) -> dict[str, Any]:
        """Returns the entry of a study's record, without the path; later versions may add keys.

        An option of the built-in cohort is a key if it differs from its default.
        """
        if self.kind == "file":
            return {"kind": "file", "format": PurePosixPath(self.text).suffix.lower().lstrip(".")}
        return {"kind": "synthetic", "rows": self.rows, **self.options().changed()}


def file_label(path: str) -> str:
    """Returns the kind of a file, without its name.

    >>> file_label("/ward/chen/HD.xlsx")
    'a xlsx file'
    """
    suffix = PurePosixPath(path).suffix.lstrip(".")
    return f"a {suffix} file" if suffix else "a path"
