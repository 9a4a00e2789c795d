"""Reads what an annotation says of an option: its type, field type, meaning and choices."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from streamsel.config.fields import Doc, Kind
from streamsel.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Definition:
    """An option as annotated, without the None of an optional one.

    ``type`` is the plain type of its values. ``kind`` parses and checks them; None if the type says
    all. ``doc`` is the meaning, None if not given. ``choices`` are the values of a ``Literal``.
    """

    type: Any
    kind: Kind | None = None
    doc: Doc | None = None
    choices: tuple[str, ...] = ()

    @classmethod
    def of(cls, annotation: Any) -> Definition:
        """Read an annotation, like ``Annotated[float, kind, Doc(...)] | None``."""
        if get_origin(annotation) in (Union, UnionType):
            parts = [part for part in get_args(annotation) if part is not NoneType]
            if len(parts) == 1:
                return cls.of(parts[0])
        if get_origin(annotation) is not Annotated:
            is_choice = get_origin(annotation) is Literal
            return cls(annotation, choices=get_args(annotation) if is_choice else ())
        plain, *told = get_args(annotation)
        return cls(
            plain,
            next((one for one in told if isinstance(one, Kind)), None),
            next((one for one in told if isinstance(one, Doc)), None),
            cls.of(plain).choices,
        )

    def require(self, name: str, value: object) -> None:
        """Raise :class:`ConfigurationError` for a value out of bounds, with ``name``."""
        if self.kind is not None:
            self.kind.require(name, value)
        elif self.choices and value not in self.choices:
            raise ConfigurationError(
                f"{name} is {value!r}; it must be one of {', '.join(self.choices)}"
            )


def definitions_of(options: type) -> dict[str, Definition]:
    """Return the definitions of the annotated attributes of a class, by name."""
    hints = get_type_hints(options, include_extras=True)
    return {name: Definition.of(hint) for name, hint in hints.items()}


def require_bounds(options: Any) -> None:
    """Raise :class:`ConfigurationError` for a field of a dataclass that is out of its bounds.

    None is within the bounds of every field.
    """
    definitions = definitions_of(type(options))
    for field in fields(options):
        value = getattr(options, field.name)
        if value is not None:
            definitions[field.name].require(field.name, value)
