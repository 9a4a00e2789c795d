"""A configuration as a tree of raw values, each with its origin: file, environment, option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from streamsel.errors import ConfigurationError

Place: TypeAlias = tuple[str, ...]
State: TypeAlias = Literal["given", "blank", "broken"]

_MOST_VALUES = 100_000
_NAMED: tuple[Place, ...] = (("feeds",), ("sinks", "plugins"))

# Exactly one of each pair is given; one in a higher layer replaces the other in a lower one.
_PAIRS = (
    ("count", "share"),
    ("password", "password_file"),
    ("token", "token_file"),
    ("credential", "credential_file"),
    ("source", "source_file"),
)
_INSTEAD = {**dict(_PAIRS), **{second: first for first, second in _PAIRS}}


@dataclass(frozen=True, slots=True)
class ConfigNode:
    """A value, or a mapping of names to nodes.

    ``origin`` names the source of the value, ``line`` its line in a file (0 elsewhere), ``raw`` the
    text as written, before substitution; None if there was no text. ``state`` is ``blank`` for a
    key without a value, ``broken`` if a problem was already reported.
    """

    value: Any
    origin: str
    line: int = 0
    raw: str | None = None
    state: State = "given"

    @property
    def children(self) -> Mapping[str, ConfigNode]:
        """The child nodes by name; empty for a single value."""
        return self.value if isinstance(self.value, dict) else {}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A problem in one line of text; ``line`` is that in the file, 0 elsewhere."""

    line: int
    message: str


def nearest(tree: ConfigNode, path: Place) -> ConfigNode:
    """Return the node at a path, or its last existing ancestor."""
    node = tree
    for name in path:
        child = node.children.get(name)
        if child is None:
            return node
        node = child
    return node


def overlay(lower: ConfigNode, upper: ConfigNode) -> ConfigNode:
    """Return ``lower`` overridden by ``upper``."""
    if not isinstance(upper.value, dict):
        return upper
    told = {name for name, node in upper.children.items() if node.value is not None}
    replaced = {
        _INSTEAD[name] for name in told & set(_INSTEAD) if not upper.children[name].children
    }
    merged = {name: node for name, node in lower.children.items() if name not in replaced}
    for name, node in upper.children.items():
        merged[name] = overlay(merged[name], node) if name in merged else node
    return replace(lower if isinstance(lower.value, dict) else upper, value=merged)


def plant(values: Mapping[str, Any], origin: str) -> ConfigNode:
    """Return the tree of values that all come from one origin."""
    children = {
        name: plant(value, origin) if isinstance(value, Mapping) else ConfigNode(value, origin)
        for name, value in values.items()
    }
    return ConfigNode(children, origin)


def plain(tree: ConfigNode) -> dict[str, Any]:
    """Return the values without origins; blank values are left out.

    Raises :class:`ConfigurationError` for an implausible number of values, as recursive aliases
    make.
    """
    seen = 0

    def value_of(node: Any, place: Place) -> Any:
        nonlocal seen
        seen += 1
        if seen > _MOST_VALUES:
            raise ConfigurationError(
                f"{tree.origin}: holds more than {_MOST_VALUES:,} values; write less"
            )
        if isinstance(node, ConfigNode) and node.children:
            return values_of(node, place)
        value = node.value if isinstance(node, ConfigNode) else node
        return [value_of(one, place) for one in value] if isinstance(value, list) else value

    def values_of(node: ConfigNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, child in node.children.items():
            value = value_of(child, (*place, name))
            if child.state != "blank":
                found[name] = value
            elif place in _NAMED:
                found[name] = {}  # what is named exists, and lacks its settings
        return found

    return values_of(tree, ())
