"""Checks the types of arguments passed from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from streamsel.errors import ConfigurationError
from streamsel.redaction import redact

_STRICT = ConfigDict(arbitrary_types_allowed=True, strict=True)


def require_types(function: Callable[..., Any], values: Mapping[str, object]) -> None:
    """Raise :class:`ConfigurationError` for a value of the wrong type.

    ``values`` are arguments of the function by name; others are ignored. A whole number is valid as
    a float; a bool is not a number.
    """
    for name, (hint, adapter) in _adapters(function).items():
        if name not in values:
            continue
        try:
            adapter.validate_python(values[name])
        except ValidationError:
            told = redact(repr(values[name]))
            raise ConfigurationError(f"{name} is {told}; it must be {_told(hint)}") from None


@cache
def _adapters(function: Callable[..., Any]) -> dict[str, tuple[Any, TypeAdapter[Any]]]:
    hints = {name: hint for name, hint in get_type_hints(function).items() if name != "return"}
    return {name: (hint, TypeAdapter(hint, config=_STRICT)) for name, hint in hints.items()}


def _told(hint: Any) -> str:
    """Return a type in words."""
    if get_origin(hint) is Literal:
        return " or ".join(str(choice) for choice in get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_told(one) for one in get_args(hint))
    if hint is NoneType:
        return "None"
    return str(hint) if get_args(hint) else str(getattr(hint, "__name__", hint))
