"""The columns of a schema: the allowed cells, and the task of a task column."""

import math
import re
import unicodedata
from typing import Any, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator

from hemomodel.schema.entry_bases import Frozen, Limited, Titled

__all__ = ["Column", "Level", "TaskKind", "TaskSpec", "level_text", "slug"]

TaskKind: TypeAlias = Literal["binary", "classification", "ordinal", "regression", "count"]
Level: TypeAlias = float | str
"""A number of a number column, a code of a category."""

_IDENTIFIER = r"^[a-z][a-z0-9_]*$"
_CHINESE = re.compile("[\u3400-\u9fff]")
_CODED = ("category", "one_hot")  # a column whose cells are texts: one of the codes
_FLAG = (0.0, 1.0)
_MADE_OF = {  # the kinds of columns for a task with levels, and for one without
    True: ("number", "category", "one_hot", "flag"),
    False: ("number",),
}


def slug(name: str) -> str:
    """Returns a name in lower case; an underscore replaces each run of other characters."""
    plain = unicodedata.normalize("NFKC", name).lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def level_text(level: Level) -> str:
    """Returns a level in the form of a code: 1 and 1.0 are "1", and no digit is lost."""
    return level if isinstance(level, str) else repr(float(level)).removesuffix(".0")


def _is_number(code: str) -> bool:
    try:
        return math.isfinite(float(code))
    except ValueError:
        return False


class TaskSpec(Frozen):
    """The task of a task column.

    Attributes:
        kind: `binary`, `classification` and `ordinal` have levels; the others have none.
        levels: of a number column, in rising order; of a category, by default its
            codes in their order.
        transform: `log` learns and scores the logarithm of a positive value.
    """

    kind: TaskKind
    levels: tuple[Level, ...] = ()
    transform: Literal["none", "log"] = "none"

    @property
    def has_levels(self) -> bool:
        """Whether the task predicts a class, not a number."""
        return self.kind not in ("regression", "count")

    @model_validator(mode="after")
    def _check_levels(self) -> Self:
        if not self.has_levels and self.levels:
            raise ValueError(f"a {self.kind} has no levels")
        if self.transform != "none" and self.kind != "regression":
            raise ValueError("only a regression has a transform")
        numbers = [level for level in self.levels if not isinstance(level, str)]
        if numbers and list(self.levels) != sorted(set(numbers)):
            raise ValueError("levels must be in rising order, each once")
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("each level must appear once")
        return self


class Column(Titled, Limited):
    """One column of the table; `builtin/hemodialysis.yaml` explains the fields."""

    name: str
    english: str = Field(default="", pattern=_IDENTIFIER)
    title: str = ""
    kind: Literal[
        "number",
        "category",
        "flag",
        "one_hot",
        "code_list",
        "date",
        "ad_date",
        "roc_date",
        "yyyymmdd",
        "text",
    ]
    role: Literal["id", "group", "feature", "task", "context", "ignored"]
    unit: str = ""
    header: str = ""
    aliases: tuple[str, ...] = ()
    optional: bool = False
    codes: dict[str, str] = Field(default_factory=dict)
    flags: str = ""
    separator: str = "-"
    filler: tuple[str, ...] = ()
    percent: bool = False
    task: TaskSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _derive_names(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("name"), str):
            return data
        english = slug(data["name"])
        if "english" not in data and not re.match(_IDENTIFIER, english):
            raise ValueError(
                f"{data['name']!r} cannot be converted to a name for the code; give `english`: "
                "lower-case letters, digits and underscores, a letter first"
            )
        name = data["name"]
        chinese = name if _CHINESE.search(name) else ""
        return {"english": english, "title": name, "title_zh": chinese, **data}

    @field_validator("codes", mode="before")
    @classmethod
    def _spread_codes(cls, codes: Any) -> Any:
        pairs = {code: code for code in codes} if isinstance(codes, list) else codes
        if isinstance(pairs, dict) and any(isinstance(code, bool) for code in pairs):
            raise ValueError("write true and false in quotes if they are codes")
        if not isinstance(pairs, dict):
            return pairs
        return {level_text(c) if isinstance(c, float) else c: means for c, means in pairs.items()}

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.role == "task") != (self.task is not None):
            raise ValueError("a column of role 'task', and no other, has a `task`")
        if self.kind in (*_CODED, "code_list") and not self.codes:
            raise ValueError(f"a column of kind {self.kind!r} needs `codes`")
        if self.kind == "flag" and not set(self.codes) <= {"0", "1"}:
            raise ValueError("the `codes` of a flag must be 0 and 1")
        if self.kind == "number" and not all(map(_is_number, self.codes)):
            raise ValueError("the `codes` of a number are numbers; is it a category?")
        if self.role in ("id", "group") and self.kind in ("one_hot", "code_list"):
            raise ValueError(f"a column of kind {self.kind!r} cannot identify rows; use kind text")
        if self.kind == "one_hot" and (self.header or self.aliases):
            raise ValueError("a column of kind 'one_hot' has its headers in `codes`")
        self._check_task()
        if (self.kind == "code_list") != bool(self.flags):
            raise ValueError("a column of kind 'code_list', and no other, has `flags`")
        if self.kind != "number" and (self.hard or self.soft or self.percent):
            raise ValueError("only a column of kind 'number' has limits or `percent`")
        return self

    def _check_task(self) -> None:
        if self.task is None:
            return
        if self.kind not in _MADE_OF[self.task.has_levels]:
            raise ValueError(f"a {self.task.kind} task cannot use a column of kind {self.kind!r}")
        if not self.task.has_levels:
            return
        levels = self.levels
        if self.kind == "flag" and (self.task.kind != "binary" or levels != _FLAG):
            raise ValueError("a flag is a binary task, with the levels 0 and 1")
        if self.kind in _CODED and not set(levels) <= set(self.codes):
            raise ValueError("a level is not among the `codes`")
        if self.kind == "number" and any(isinstance(level, str) for level in levels):
            raise ValueError("the levels of a number are numbers")
        if len(levels) < 2 or (self.task.kind == "binary" and len(levels) > 2):  # noqa: PLR2004
            at = "two" if self.task.kind == "binary" else "at least two"
            raise ValueError(f"a {self.task.kind} needs {at} levels")

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of a task: those declared, otherwise the codes in their order, or 0 and 1."""
        if self.task is None or not self.task.has_levels:
            return ()
        if self.kind == "flag":
            return self.task.levels or _FLAG
        if self.kind not in _CODED:
            return self.task.levels
        return tuple(map(level_text, self.task.levels)) or tuple(self.codes)

    def meaning(self, level: Level) -> str:
        """Returns the meaning of a level, for a reader."""
        code = level_text(level)
        meanings = {"0": "no", "1": "yes"} | self.codes if self.kind == "flag" else self.codes
        return meanings.get(code, code)

    @property
    def written(self) -> str:
        """The header in the hospital's export, with its unit."""
        return self.header or self.name

    @property
    def headers(self) -> dict[str, tuple[str, ...]]:
        """The possible headers in the file: by code if `one_hot`, otherwise under the key ""."""
        if self.kind == "one_hot":
            return {code: (code,) for code in self.codes}
        return {"": (self.name, self.written, *self.aliases)}

    @property
    def table_columns(self) -> tuple[str, ...]:
        """Its columns in `Cohort.table`: itself, or one flag per code."""
        if self.kind == "code_list":
            return tuple(f"{self.flags}_{code}" for code in self.codes)
        return (self.english,)
