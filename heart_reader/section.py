"""What sections of a configuration have in common, and how the settings of data sources are found.

Sources are registered by packages above this one and found by the name of theirs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationError

from heart_reader.errors import ConfigError
from heart_reader.registry import Registry

__all__ = [
    "SOURCES",
    "Count",
    "NotNegative",
    "Positive",
    "Section",
    "Share",
    "Source",
    "SourceConfig",
    "explain_errors",
    "parse_source",
    "register_source",
]

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Base of all sections: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_manifest(self) -> dict[str, Any]:
        """Return the plain values that a checkpoint keeps: all but places on one machine.

        An absolute path is left out, so that its default holds; of one without a default the file
        name stays. Relative ones mean the same anywhere, ``data/x`` below ``HEART_READER_DATA``.
        """
        plain = self.model_dump(mode="json")
        for name, value in self:
            if isinstance(value, Section):
                plain[name] = value.to_manifest()
            elif isinstance(value, tuple):
                plain[name] = [item.to_manifest() if isinstance(item, Section) else item for item in value]
            elif isinstance(value, Path) and value.is_absolute():
                del plain[name]
                if type(self).model_fields[name].is_required():
                    plain[name] = value.name
        return plain


def explain_errors(where: str, error: ValidationError) -> str:
    """Say in one line what is wrong: the key, what was found, what is allowed."""
    said = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "the whole file"
        if item["type"] == "extra_forbidden":
            said.append(f"{where}: unknown key {key}: remove it or correct its spelling (heart_reader/config.py lists all keys)")
        else:
            said.append(f"{where}: {key} = {item['input']!r}: {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(said)


class SourceConfig(Section):
    """Base of the settings of a data source; the sources live in ``heart_reader.data.sources``."""

    kind: str


S = TypeVar("S", bound=SourceConfig)
SOURCES: Registry[type[SourceConfig]] = Registry("data source", "heart_reader.data.sources")


def register_source(source: type[S]) -> type[S]:
    """Register a class of settings under the default of its ``kind``."""
    SOURCES.add(source.model_fields["kind"].default, source)
    return source


def parse_source(value: Any) -> SourceConfig:
    """Read the settings of one source by the class that its ``kind`` names."""
    if isinstance(value, SourceConfig):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise ValueError(f"a mapping with a kind is needed, one of {', '.join(sorted(SOURCES))}")
    try:
        return SOURCES[value["kind"]].model_validate(value)
    except ConfigError as error:
        raise ValueError(error.message) from None
    except ValidationError as error:
        raise ValueError(explain_errors(value["kind"], error)) from None


Source = Annotated[SerializeAsAny[SourceConfig], BeforeValidator(parse_source)]
