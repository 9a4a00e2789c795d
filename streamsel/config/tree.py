"""A configuration as a tree of raw values, each with its origin: file, environment, option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from streamsel.errors import ConfigurationError

Place: TypeAlias = tuple[str, ...]
State: TypeAlias = Literal["given", "blank", "broken"]

_MOST_VALUES = 100_000

# Of each pair one is given; one of a higher layer stands in for the other of a lower one.
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

    ``origin`` says where it came from, ``line`` is that in a file (0 elsewhere), ``raw`` the text
    as written there, before variables were filled in; None where there was no text. ``state``:
    ``blank`` was named without a value; of one that is ``broken`` it was told what is wrong.
    """

    value: Any
    origin: str
    line: int = 0
    raw: str | None = None
    state: State = "given"

    @property
    def children(self) -> Mapping[str, ConfigNode]:
        """What it holds by name; nothing where it is a single value."""
        return self.value if isinstance(self.value, dict) else {}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that is wrong, told in one line; ``line`` is that in the file, 0 elsewhere."""

    line: int
    message: str


def nearest(tree: ConfigNode, path: Place) -> ConfigNode:
    """Return the node at a path, or the last one on the way there."""
    node = tree
    for name in path:
        child = node.children.get(name)
        if child is None:
            return node
        node = child
    return node


def overlay(lower: ConfigNode, upper: ConfigNode) -> ConfigNode:
    """Return ``lower`` with what ``upper`` says instead."""
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
    """Return the tree of values that come from one place."""
    children = {
        name: plant(value, origin) if isinstance(value, Mapping) else ConfigNode(value, origin)
        for name, value in values.items()
    }
    return ConfigNode(children, origin)


def plain(tree: ConfigNode) -> dict[str, Any]:
    """Return the values alone; what is blank counts as not given.

    Raises :class:`ConfigurationError` for more values than anyone would write, as aliases of
    aliases make.
    """
    seen = 0

    def values_of(node: ConfigNode, depth: int, is_feeds: bool) -> dict[str, Any]:
        nonlocal seen
        found: dict[str, Any] = {}
        for name, child in node.children.items():
            seen += 1
            if seen > _MOST_VALUES:
                raise ConfigurationError(
                    f"{tree.origin}: holds more than {_MOST_VALUES:,} values; write less"
                )
            if child.children:
                found[name] = values_of(child, depth + 1, depth == 0 and name == "feeds")
            elif isinstance(child.value, list):
                found[name] = [
                    one.value if isinstance(one, ConfigNode) else one for one in child.value
                ]
            elif child.state != "blank":
                found[name] = child.value
            elif is_feeds:
                found[name] = {}  # a feed that is named exists, and lacks its source
        return found

    return values_of(tree, 0, False)
