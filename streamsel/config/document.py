"""Reads a YAML file into a tree of text; the fields parse the text later.

So a password of digits stays text, ``no`` is a valid feed name, and the same text means the same in
the file and in the environment. Tags and objects are not supported. Error messages quote only keys,
because any value may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import yaml

from streamsel.config.tree import ConfigNode, Problem, State
from streamsel.errors import ConfigurationError
from streamsel.redaction import redact

_MOST_BYTES = 1 << 20
_MOST_DEPTH = 16
_MOST_MERGED = 100_000
_NULLS = {"null", "Null", "NULL", "~"}
_TEXT_TAGS = {None, "!", "tag:yaml.org,2002:str"}
_QUOTED_WORD = re.compile(r"'[^']*\w[^']*'")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file, and its problems."""

    tree: ConfigNode
    problems: tuple[Problem, ...]


def read_document(path: Path, fill_in: Callable[[str], str]) -> Document:
    """Read a file of at most 1 MiB.

    ``fill_in`` substitutes variables in a text; a :class:`ConfigurationError` that it raises
    becomes a problem. Raises :class:`ConfigurationError` for a file that cannot be parsed.
    """
    builder = _Builder(str(path), _read_text(path), fill_in)
    tree = builder.build()
    return Document(tree, tuple(builder.problems))


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(f"{path}: is larger than 1 MiB; a configuration is not")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: is not UTF-8; save it as UTF-8") from None
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ConfigurationError(f"{path}:{line}: contains a control character; remove it")
    return text


class _Builder:
    """Builds the tree from YAML events, with bounded depth."""

    def __init__(self, name: str, text: str, fill_in: Callable[[str], str]) -> None:
        self.problems: list[Problem] = []
        self._name = name
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._fill_in = fill_in
        self._anchors: dict[str, ConfigNode] = {}
        self._merged = 0

    def build(self) -> ConfigNode:
        """Build the tree of the file's only document."""
        root = ConfigNode({}, self._name)
        try:
            for event in self._events:
                if not isinstance(event, yaml.DocumentStartEvent):
                    continue
                if root.line:
                    self._complain(_line(event), "begins a second document; only one is allowed")
                    break
                root = self._root()
        except yaml.MarkedYAMLError as error:
            self._refuse_syntax(error)
        return root

    def _root(self) -> ConfigNode:
        event = next(self._events)
        node = self._node(event, _line(event), 0)
        if isinstance(node.value, dict):
            return node
        if node.state != "blank":
            self._complain(_line(event), "must hold keys, like feeds:, each with its value")
        return ConfigNode({}, self._name, 1)

    def _node(self, event: Any, line: int, depth: int) -> ConfigNode:
        """Build the node that begins with ``event``; ``line`` is that of its key."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, line)
        if event.tag not in _TEXT_TAGS:
            self._complain(_line(event), "has a YAML tag; leave it out, or put the value in quotes")
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, line)
        elif depth >= _MOST_DEPTH:
            self._refuse_depth(line)
        elif isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event, line, depth)
        else:
            node = self._sequence(event, line, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any, line: int) -> ConfigNode:
        is_plain = event.style in (None, "") and event.tag is None
        if is_plain and event.value in _NULLS:
            return ConfigNode(None, f"{self._name}:{line}", line, event.value)
        try:
            value = self._fill_in(event.value)
        except ConfigurationError as error:
            self._complain(line, str(error))
            return self._broken(line)
        is_blank = is_plain and not event.value
        state: State = "blank" if is_blank else "given"
        return ConfigNode(value, f"{self._name}:{line}", line, event.value, state)

    def _broken(self, line: int) -> ConfigNode:
        return ConfigNode("", f"{self._name}:{line}", line, state="broken")

    def _mapping(self, event: Any, line: int, depth: int) -> ConfigNode:
        children: dict[str, ConfigNode] = {}
        merged: list[ConfigNode] = []
        for key in self._until(yaml.MappingEndEvent):
            key_line = _line(key)
            name = key.value if isinstance(key, yaml.ScalarEvent) else None
            if name is None:
                self._complain(key_line, "has a key that is not plain text; write a name")
                self._node(key, key_line, depth + 1)
            value = self._node(next(self._events), key_line, depth + 1)
            if name == "<<":
                merged += value.value if isinstance(value.value, list) else [value]
            elif name in children:
                first = children[name].line
                self._complain(
                    key_line, f"has {redact(name)!r} again, after line {first}; keep one"
                )
            elif name is not None:
                children[name] = value
        for node in merged:
            self._merge(children, node)
        return ConfigNode(children, f"{self._name}:{line}", line)

    def _merge(self, children: dict[str, ConfigNode], node: ConfigNode) -> None:
        """Add the keys that ``<<`` refers to, without overriding present ones."""
        if not isinstance(node.value, dict):
            problem = "merges (<<) a value without keys; name an anchor of a mapping"
            self._complain(node.line, problem)
        self._merged += len(node.children)
        if self._merged > _MOST_MERGED:
            raise ConfigurationError(f"{self._name}: merges (<<) too much; write less")
        for name, child in node.children.items():
            children.setdefault(name, child)

    def _sequence(self, event: Any, line: int, depth: int) -> ConfigNode:
        items = [
            self._node(item, _line(item), depth + 1) for item in self._until(yaml.SequenceEndEvent)
        ]
        return ConfigNode(items, f"{self._name}:{line}", line)

    def _until(self, end: type[Any]) -> Iterator[Any]:
        """Yield the first event of each child node; the caller consumes the rest of the node."""
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _alias(self, event: Any, line: int) -> ConfigNode:
        if event.anchor in self._anchors:
            node = self._anchors[event.anchor]
            return replace(node, origin=f"{self._name}:{line}", line=line)
        # The text after * is not shown: it may be a password without quotes.
        self._complain(_line(event), "refers to an unknown anchor; put a value with * in quotes")
        return self._broken(line)

    def _complain(self, line: int, problem: str) -> None:
        self.problems.append(Problem(line, f"{self._name}:{line}: {problem}"))

    def _refuse_depth(self, line: int) -> NoReturn:
        raise ConfigurationError(f"{self._name}:{line}: is nested too deeply; flatten it")

    def _refuse_syntax(self, error: yaml.MarkedYAMLError) -> NoReturn:
        # Some releases of the parser have their own limit, which may be reached before ours.
        if "nesting depth" in (error.problem or "") and error.problem_mark is not None:
            self._refuse_depth(error.problem_mark.line + 1)
        problem = _QUOTED_WORD.sub(
            "that", (error.problem or "cannot be read").partition(", but")[0]
        )
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise ConfigurationError(
            f"{self._name}{line}: is not valid YAML ({problem}); check the indentation, and put "
            "values with special characters in quotes"
        ) from None


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1
