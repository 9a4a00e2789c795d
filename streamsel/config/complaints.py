"""Error messages of a configuration: one line per problem, with place, cause and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from streamsel.config.feed_source import SecretSource
from streamsel.config.schema import Config
from streamsel.config.sections.base import NAME_RULE, Section, meaning_of
from streamsel.config.tree import ConfigNode, Place, Problem, nearest
from streamsel.redaction import is_secret_name, redact

_LONGEST_SHOWN = 60
_REQUIREMENTS = {
    "bool_parsing": "it must be true or false",
    "bool_type": "it must be true or false",
    "string_type": "it must be text",
    "literal_error": "it must be {expected}",
    "dict_type": "it must hold keys",
    "mapping_type": "it must hold keys",
}


def complaints(error: ValidationError, tree: ConfigNode) -> Iterator[Problem]:
    """Yield every problem in ``error``, with its place in ``tree``."""
    for detail in error.errors(include_url=False, include_input=False):
        for node, message in _told(detail, tree):
            if node.state != "broken":
                yield Problem(node.line, f"{node.origin}: {message}")


def fields_of(path: Place) -> Mapping[str, FieldInfo]:
    """Return the fields of the section at ``path``, by name; none if there is no section."""
    section = _section_at(path)
    return {} if section is None else section.model_fields


def is_secret(path: Place) -> bool:
    """Whether a setting is a secret as a whole; options of plug-ins are, by their names."""
    if path[:2] == ("sinks", "plugins"):
        return len(path) > 3 and is_secret_name(path[-1])
    return SecretStr in _types_of(path)


def _told(detail: ErrorDetails, tree: ConfigNode) -> Iterator[tuple[ConfigNode, str]]:
    path = tuple(str(part) for part in detail["loc"])
    context: Mapping[str, Any] = detail.get("ctx", {})
    if detail["type"] == "conflicts":
        for conflict in context["conflicts"]:
            yield nearest(tree, conflict.path), conflict.message
    elif path[-1:] == ("[key]",):
        name = redact(path[-2])
        yield (
            nearest(tree, path[:-1]),
            f"{path[-3]}: {name!r} cannot be a name; use {NAME_RULE}",
        )
    else:
        yield nearest(tree, path), _message(detail, path, context, tree)


def _message(
    detail: ErrorDetails, path: Place, context: Mapping[str, Any], tree: ConfigNode
) -> str:
    where = redact(".".join(path)) or "''"
    kind = detail["type"]
    if kind == "extra_forbidden":
        return f"{where} is not a setting; {_suggestion(path)}"
    if kind == "missing":
        wanted = meaning_of(fields_of(path[:-1])[path[-1]])
        return f"{where} is missing; give it: {wanted}"
    if kind == "too_short":
        return f"{where} is empty; name at least one feed"
    if _section_at(path) is not None:
        need = context.get("requirement", f"must hold keys: {', '.join(fields_of(path))}")
        return f"{where}: {need}"
    need = context.get("requirement", detail["msg"])
    if kind in _REQUIREMENTS:
        need = _REQUIREMENTS[kind].format(**context)
    if any(issubclass(one, SecretStr | SecretSource) for one in _types_of(path)):
        return f"{where}: {need}"
    return f"{where} is {_shown(nearest(tree, path))}; {need}"


def _shown(node: ConfigNode) -> str:
    """Return a value as it was written, before variables were substituted."""
    if node.value is None:
        return "null"
    if node.children or isinstance(node.value, list | dict):
        return "a list or a mapping"
    text = redact(str(node.value if node.raw is None else node.raw))
    return text[:_LONGEST_SHOWN] + "..." if len(text) > _LONGEST_SHOWN else text or "empty"


def _suggestion(path: Place) -> str:
    known = fields_of(path[:-1])
    if close := get_close_matches(path[-1], known, n=1):
        return f"did you mean {close[0]!r}?"
    places = sorted(_places(path[-1], Config, ()))
    if places:
        return f"did you mean {' or '.join(places[:3])}?"
    return f"known here: {', '.join(known)}"


def _places(name: str, section: type[Section], path: Place) -> Iterator[str]:
    """Yield every path at which a setting of this name may occur."""
    for field, described in section.model_fields.items():
        if field == name:
            yield ".".join((*path, field))
        inner = _section_in(described.annotation)
        if inner is not None:
            steps = (field, "NAME") if _is_mapping(described.annotation) else (field,)
            yield from _places(name, inner, (*path, *steps))


def _section_at(path: Sequence[str]) -> type[Section] | None:
    """Return the section at a path, or None."""
    section: type[Section] | None = Config
    names = iter(path)
    for name in names:
        field = None if section is None else section.model_fields.get(name)
        if field is None:
            return None
        section = _section_in(field.annotation)
        if _is_mapping(field.annotation) and next(names, None) is None:
            return None
    return section


def _section_in(annotation: Any) -> type[Section] | None:
    found = (one for one in _types_in(annotation) if issubclass(one, Section))
    return next(found, None)


def _types_of(path: Place) -> tuple[type, ...]:
    """Return every class that a setting may have."""
    field = fields_of(path[:-1]).get(path[-1]) if path else None
    return () if field is None else tuple(_types_in(field.annotation))


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is Mapping


def _types_in(annotation: Any) -> Iterator[type]:
    """Yield every class in an annotation, at any depth."""
    if isinstance(annotation, type):
        yield annotation
    for inner in get_args(annotation):
        yield from _types_in(inner)
