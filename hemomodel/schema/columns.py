"""The columns of a schema: what each cell may hold, and what is predicted of a task column."""

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
_CODED = ("category", "one_hot")  # in the table, a text: one of the codes
_FLAG = (0.0, 1.0)
_MADE_OF = {  # which kinds of columns a task with levels, and one without, can be made of
    True: ("number", "category", "one_hot", "flag"),
    False: ("number",),
}


def slug(name: str) -> str:
    """Returns a name in small letters, with one underscore for whatever is no letter or digit."""
    plain = unicodedata.normalize("NFKC", name).lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def level_text(level: Level) -> str:
    """Returns a level as its code is written: 1 and 1.0 are "1", and no digit is lost."""
    return level if isinstance(level, str) else repr(float(level)).removesuffix(".0")


def _is_number(code: str) -> bool:
    try:
        return math.isfinite(float(code))
    except ValueError:
        return False


class TaskSpec(Frozen):
    """What is predicted of a task column.

    Attributes:
        kind: `binary`, `classification` and `ordinal` have levels; `regression` and `count` none.
        levels: of a number column, in rising order; of a category, its codes in their order if
            not given.
        transform: `log` learns and scores the logarithm of a positive value.
    """

    kind: TaskKind
    levels: tuple[Level, ...] = ()
    transform: Literal["none", "log"] = "none"

    @property
    def has_levels(self) -> bool:
        """Whether it is one of several classes that is predicted, and not a number."""
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
            raise ValueError("levels must stand once each")
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
                f"{data['name']!r} gives no name for the code; give `english`: "
                "small letters, digits and underscores, a letter first"
            )
        name = data["name"]
        chinese = name if _CHINESE.search(name) else ""
        return {"english": english, "title": name, "title_zh": chinese, **data}

    @field_validator("codes", mode="before")
    @classmethod
    def _spread_codes(cls, codes: Any) -> Any:
        pairs = {code: code for code in codes} if isinstance(codes, list) else codes
        if isinstance(pairs, dict) and any(isinstance(code, bool) for code in pairs):
            raise ValueError("write true and false in quotes where they are codes")
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
            raise ValueError("the `codes` of a flag say what 0 and 1 mean")
        if self.kind == "number" and not all(map(_is_number, self.codes)):
            raise ValueError("the `codes` of a number are numbers; is it a category?")
        if self.role in ("id", "group") and self.kind in ("one_hot", "code_list"):
            raise ValueError(f"a column of kind {self.kind!r} says not whose row it is; see text")
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
            raise ValueError(f"a {self.task.kind} is not made of a column of kind {self.kind!r}")
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
        """The levels of a task: those it declares, else the codes in their order, or 0 and 1."""
        if self.task is None or not self.task.has_levels:
            return ()
        if self.kind == "flag":
            return self.task.levels or _FLAG
        if self.kind not in _CODED:
            return self.task.levels
        return tuple(map(level_text, self.task.levels)) or tuple(self.codes)

    def meaning(self, level: Level) -> str:
        """Returns what a level means, as a person reads it."""
        code = level_text(level)
        meanings = {"0": "no", "1": "yes"} | self.codes if self.kind == "flag" else self.codes
        return meanings.get(code, code)

    @property
    def written(self) -> str:
        """The header as the export writes it, with its unit."""
        return self.header or self.name

    @property
    def headers(self) -> dict[str, tuple[str, ...]]:
        """The columns of the file that it is read from, by code if it is `one_hot`, else by ""."""
        if self.kind == "one_hot":
            return {code: (code,) for code in self.codes}
        return {"": (self.name, self.written, *self.aliases)}

    @property
    def table_columns(self) -> tuple[str, ...]:
        """The columns it becomes in `Cohort.table`: itself, or one flag a code."""
        if self.kind == "code_list":
            return tuple(f"{self.flags}_{code}" for code in self.codes)
        return (self.english,)
