"""Objects that stand in for those of a class without a protocol, of which little is asked."""

from __future__ import annotations

from typing import TypeVar, cast

Kind = TypeVar("Kind")


def as_a(kind: type[Kind], made: object) -> Kind:
    """Give an object as one of a class; it has all that the code under test asks of it.

    This is the tests' only cast: whatever can be made, subclassed or described is.
    """
    return cast(Kind, made)
