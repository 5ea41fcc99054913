"""Base classes of schema entries: frozen, with titles or limits."""

from typing import Annotated, Any, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

__all__ = ["Frozen", "Limited", "Titled"]

Range: TypeAlias = tuple[float, float]
_LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$"  # a BCP 47 tag, such as zh or pt-BR


class Frozen(BaseModel):
    """An immutable entry; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Titled(Frozen):
    """An entry with its English title, and its titles in other languages.

    Attributes:
        titles: by language; `title_zh` is another way to write `titles: {zh: ...}`. A title equal
            to `title` is dropped.
    """

    title: str
    titles: dict[Annotated[str, Field(pattern=_LANGUAGE)], str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_titles(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("titles", {}), dict):
            return data
        entry = {key: value for key, value in data.items() if key != "title_zh"}
        titles = {**data.get("titles", {})}
        titles.setdefault("zh", data.get("title_zh", ""))
        if "en" in titles:
            raise ValueError("`titles` has titles in other languages; the English one is `title`")
        more = {key: title for key, title in titles.items() if title not in ("", data.get("title"))}
        return {**entry, "titles": more}

    @model_serializer(mode="wrap")
    def _with_title_zh(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Writes a single Chinese title as `title_zh`: earlier versions have no `titles`."""
        entry: dict[str, Any] = write(self)
        titles = entry.pop("titles", {})
        if titles.keys() == {"zh"}:
            return {**entry, "title_zh": titles["zh"]}
        return {**entry, "titles": titles} if titles else entry


class Limited(Frozen):
    """An entry with limits: outside `hard` is an error, outside `soft` is a counted warning."""

    hard: Range | None = None
    soft: Range | None = None

    @field_validator("hard", "soft")
    @classmethod
    def _check_order(cls, limits: Range | None) -> Range | None:
        if limits is not None and not limits[0] < limits[1]:
            raise ValueError("limits are [low, high] with low below high")
        return limits
