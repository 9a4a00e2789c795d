"""Finds every class of the package that implements a protocol; none stays out of its suite."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from functools import cache

import streamsel


def implementations(protocol: type) -> set[str]:
    """The names of the classes that have all that a protocol asks for, methods and attributes.

    Protocols are left out, and so are bases that others complete.
    """
    wanted = {name for each in protocol.__mro__ if is_protocol(each) for name in members(each)}
    return {each.__qualname__ for each in classes() if wanted <= all_members(each)}


@cache
def classes() -> tuple[type, ...]:
    """Every class that a module of the package defines, but for protocols."""
    found = []
    for module in pkgutil.walk_packages(streamsel.__path__, "streamsel."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        found += [
            each
            for _, each in inspect.getmembers(loaded, inspect.isclass)
            if each.__module__ == loaded.__name__ and not is_protocol(each)
        ]
    return tuple(found)


def is_protocol(kind: type) -> bool:
    return bool(getattr(kind, "_is_protocol", False)) and kind.__module__.startswith("streamsel")


def all_members(kind: type) -> set[str]:
    ours = [each for each in kind.__mro__ if each.__module__.startswith("streamsel")]
    return {name for each in ours for name in members(each)}


@cache
def members(kind: type) -> frozenset[str]:
    """What a class itself defines: names in its body, and attributes that its methods set."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assigned = (
        target.attr
        for node in ast.walk(body)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        for target in [node]
        if isinstance(target.value, ast.Name) and target.value.id == "self"
    )
    named = {*vars(kind), *getattr(kind, "__annotations__", ())}
    return frozenset(name for name in {*named, *assigned} if not name.startswith("_"))
