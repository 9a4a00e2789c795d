"""Finds every class of the package that implements a protocol; none stays out of its suite."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from functools import cache
from types import FunctionType

import streamsel


def implementations(protocol: type) -> set[str]:
    """The names of the classes that have all that a protocol asks for.

    A method has the parameters of the protocol's; other members are properties, or attributes of
    the class or set by its methods. Protocols are left out, and so are bases that others complete.
    """
    wanted = {name: given for each in protocol.__mro__ for name, given in members(each).items()}
    return {
        each.__qualname__
        for each in classes()
        if all(offers(each, name, given) for name, given in wanted.items())
    }


def subclasses(base: type) -> set[str]:
    """The names of the classes that complete a base."""
    return {each.__qualname__ for each in classes() if issubclass(each, base) and each is not base}


def offers(kind: type, name: str, wanted: tuple[str, ...] | None) -> bool:
    """Whether a class has a member with the parameters, and others by default at most."""
    places = [each for each in kind.__mro__ if name in members(each)]
    if not places:
        return False
    found = members(places[0])[name]
    if wanted is None or found is None:
        return wanted is found
    more = [one for one in found[len(wanted) :] if not one.endswith("=")]
    return bare(found[: len(wanted)]) == bare(wanted) and not more


def bare(parameters: tuple[str, ...]) -> list[str]:
    return [one.rstrip("=") for one in parameters]


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
            if each.__module__ == loaded.__name__ and not getattr(each, "_is_protocol", False)
        ]
    return tuple(found)


@cache
def members(kind: type) -> dict[str, tuple[str, ...] | None]:
    """What a class of the package itself defines: methods with their parameters, and the rest."""
    if not kind.__module__.startswith("streamsel"):
        return {}
    names = {*vars(kind), *getattr(kind, "__annotations__", ()), *_attributes(kind)}
    return {name: _parameters(vars(kind).get(name)) for name in names if not name.startswith("_")}


def _parameters(member: object) -> tuple[str, ...] | None:
    """The names of a method's parameters, with ``=`` for a default; None of what is no method."""
    while hasattr(member, "__wrapped__"):
        member = member.__wrapped__
    if not isinstance(member, FunctionType):
        return None
    given = inspect.signature(member).parameters.values()
    named = (one.name + "=" * (one.default is not one.empty) for one in given)
    return tuple(name for name in named if name != "self")


def _attributes(kind: type) -> set[str]:
    """The attributes that the methods of a class set."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
