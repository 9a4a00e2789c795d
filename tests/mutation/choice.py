"""Which changes are tried: dice throw an operator and a module at a time, nobody chooses."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.mutation.changes import Change, changes_in


def every_change(root: Path) -> Iterator[Change]:
    """All changes of all modules of the package below ``root``."""
    for module in sorted((root / "streamsel").rglob("*.py")):
        yield from changes_in(module.relative_to(root).as_posix(), module.read_text())


def thrown(changes: Iterable[Change], seed: int) -> Iterator[Change]:
    """The changes in an order of chance.

    Operators take turns, and so do the modules of each, so that neither the commonest operator nor
    the longest module decides what is tried.
    """
    dice = random.Random(seed)
    by_operator: dict[str, dict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
    for change in changes:
        by_operator[change.operator][change.path].append(change)
    queues = [list(_in_turn(list(modules.values()), dice)) for modules in by_operator.values()]
    return _in_turn(queues, dice)


def _in_turn(piles: list[list[Change]], dice: random.Random) -> Iterator[Change]:
    """One of each pile, and again, until all are empty; the order within a round is thrown."""
    piles = [dice.sample(pile, len(pile)) for pile in piles]
    while piles:
        for pile in dice.sample(piles, len(piles)):
            yield pile.pop()
        piles = [pile for pile in piles if pile]
