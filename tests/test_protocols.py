"""A protocol has several implementations, or the layers keep its users from the only one."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import streamsel

PACKAGE = Path(streamsel.__file__).parent
CONTRACTS: list[dict[str, Any]] = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())[
    "tool"
]["importlinter"]["contracts"]
LAYERS = [
    [room.strip() for room in line.split("|")]
    for contract in CONTRACTS
    if contract["type"] == "layers"
    for line in contract["layers"]
]


@dataclass
class Kind:
    """A class: the parameters of its methods, and its other members."""

    name: str
    module: str
    bases: list[str]
    methods: dict[str, list[str]] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)

    @property
    def is_protocol(self) -> bool:
        return "Protocol" in self.bases

    @property
    def is_about_objects(self) -> bool:
        """Whether it wants nothing that objects of the language do not have."""
        return all(name.startswith("__") for name in (*self.methods, *self.values))


def kind_of(node: ast.ClassDef, module: str) -> Kind:
    bases = [ast.unparse(base).partition("[")[0] for base in node.bases]
    found = Kind(node.name, module, bases)
    for member in node.body:
        if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
            if {"property", "cached_property"} & {ast.unparse(d) for d in member.decorator_list}:
                found.values.add(member.name)
            else:
                parameters = member.args
                every = (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs)
                found.methods[member.name] = [one.arg for one in every][1:]
            found.values |= {
                inner.attr
                for inner in ast.walk(member)
                if isinstance(inner, ast.Attribute)
                and isinstance(inner.ctx, ast.Store)
                and ast.unparse(inner.value) == "self"
            }
        elif isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            found.values.add(member.target.id)
        elif isinstance(member, ast.Assign):
            found.values |= {one.id for one in member.targets if isinstance(one, ast.Name)}
    return found


TREES = {
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts): ast.parse(file.read_text())
    for file in PACKAGE.rglob("*.py")
}
KINDS = [
    kind_of(node, module)
    for module, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef)
]
BY_NAME = {kind.name: kind for kind in KINDS}
PROTOCOLS = [kind for kind in KINDS if kind.is_protocol and not kind.is_about_objects]


def with_bases(kind: Kind) -> Iterator[Kind]:
    yield kind
    for base in kind.bases:
        if base in BY_NAME and base != kind.name:
            yield from with_bases(BY_NAME[base])


def implements(kind: Kind, protocol: Kind) -> bool:
    methods: dict[str, list[str]] = {}
    values: set[str] = set()
    for one in reversed([*with_bases(kind)]):
        methods |= one.methods
        values |= one.values
    return all(
        wanted.values <= values
        and all(
            methods.get(name, ["?"])[: len(parameters)] == parameters
            for name, parameters in wanted.methods.items()
        )
        for wanted in with_bases(protocol)
    )


def implementations(protocol: Kind) -> list[Kind]:
    """The classes for use that have all members of a protocol."""
    return [
        kind
        for kind in KINDS
        if kind.module != "streamsel.testing"
        and not kind.is_protocol
        and implements(kind, protocol)
    ]


def lies_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def layer_of(module: str) -> tuple[int, str]:
    """The layer of a module, from the top, and its room; the package itself is above all."""
    found = (
        (number, room)
        for number, line in enumerate(LAYERS)
        for room in line
        if lies_in(module, room)
    )
    return next(found, (-1, module))


def may_import(user: str, other: str) -> bool:
    (above, room), (below, other_room) = layer_of(user), layer_of(other)
    is_forbidden = any(
        any(lies_in(user, one) for one in contract["source_modules"])
        and any(lies_in(other, one) for one in contract["forbidden_modules"])
        for contract in CONTRACTS
        if contract["type"] == "forbidden"
    )
    return (above < below or room == other_room) and not is_forbidden


def users_of(protocol: Kind) -> list[str]:
    return [
        module
        for module, tree in TREES.items()
        if layer_of(module)[1] != "streamsel.interfaces"
        and any(isinstance(n, ast.Name) and n.id == protocol.name for n in ast.walk(tree))
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_a_protocol_is_needed(protocol: Kind) -> None:
    found = implementations(protocol)
    assert found, "nothing implements it"
    if len(found) == 1:
        (only,) = found
        users = [user for user in users_of(protocol) if not may_import(user, only.module)]
        assert users, f"its users may import {only.module}.{only.name} itself"
