"""Base class of all sections of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from streamsel.config import fields as kind
from streamsel.config.annotated import Definition

NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
NAME_RULE = "1 to 64 letters, digits, - and _, beginning with a letter or a digit"


class Section(BaseModel):
    """A section of a configuration: immutable, unknown keys forbidden, errors without values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for name, field in cls.model_fields.items():
            properties[name]["description"] = meaning_of(field)
        return schema


def meaning_of(field: FieldInfo) -> str:
    """Return what a field means: its own description, or that of its definition."""
    if field.description is not None:
        return field.description
    annotation: Any = field.annotation
    if field.metadata:
        annotation = Annotated[field.annotation, *field.metadata]
    doc = Definition.of(annotation).doc
    if doc is None:
        raise TypeError(f"no meaning of {field}")
    return doc.text if doc.absent is None else f"{doc.text}; null: {doc.absent}"


Name: TypeAlias = Annotated[str, kind.text(NAME_RULE, NAME)]
FilePath: TypeAlias = Annotated[Path, kind.path()]
Text: TypeAlias = Annotated[str, kind.text()]
