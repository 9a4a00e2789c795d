"""Which changes are tried: a seed orders operators, modules and changes, nobody chooses."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from tests.mutation.changes import Change, changes_in

_T = TypeVar("_T")


def every_change(root: Path) -> Iterator[Change]:
    """All changes of all modules of the package below ``root``."""
    for module in sorted((root / "streamsel").rglob("*.py")):
        yield from changes_in(module.relative_to(root).as_posix(), module.read_text())


def thrown(changes: Iterable[Change], seed: int) -> Iterator[Change]:
    """The changes in an order that depends on the seed.

    Operators take turns, and so do the modules of each, so that neither the commonest operator nor
    the longest module decides what is tried. Each place in the order follows from a hash of the
    seed and the names, so that an edit moves no change but its own.
    """
    by_operator: dict[str, dict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
    for change in changes:
        by_operator[change.operator][change.path].append(change)
    queues = []
    for operator, modules in _ordered(by_operator.items(), f"{seed}", lambda item: item[0]):
        salt = f"{seed} {operator}"
        piles = _ordered(modules.items(), salt, lambda item: item[0])
        queues.append([_ordered(pile, salt, lambda change: change.name) for _, pile in piles])
    return _in_turn([list(_in_turn(piles)) for piles in queues])


def _ordered(items: Iterable[_T], salt: str, name: Callable[[_T], str]) -> list[_T]:
    """The items in an order that their names and the salt give."""
    return sorted(items, key=lambda item: hashlib.sha256(f"{salt} {name(item)}".encode()).digest())


def _in_turn(piles: list[list[Change]]) -> Iterator[Change]:
    """The first of each pile, then the second of each, until all are empty."""
    for turn in range(max(map(len, piles), default=0)):
        for pile in piles:
            yield from pile[turn : turn + 1]
