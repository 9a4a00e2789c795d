"""Merges the coresets of several files, cameras or machines into one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from streamsel.coreset.distance import are_unit
from streamsel.coreset.greedy import Traversal, farthest_first
from streamsel.frame import Vectors


class Sortable(Protocol):
    """A key: hashable with a total order, such as a frame's key, a string or a number."""

    def __lt__(self, other: Any, /) -> bool:
        """Whether this key comes before ``other``."""

    def __hash__(self) -> int:
        """Equal keys hash alike."""


Key = TypeVar("Key", bound=Sortable)


@dataclass(frozen=True, slots=True, eq=False)
class Part(Generic[Key]):
    """The coreset of one part: ``keys`` (C,) and their unit ``vectors`` (C, D), in any order.

    Raises :class:`ValueError` for numbers that differ, or a vector that is not a unit vector.
    """

    keys: Sequence[Key]
    vectors: Vectors

    def __post_init__(self) -> None:
        """Check the number of keys and the vectors."""
        if len(self.keys) != len(self.vectors):
            raise ValueError(f"a part has {len(self.keys)} keys for {len(self.vectors)} vectors")
        bad = np.flatnonzero(~are_unit(self.vectors))
        if len(bad):
            raise ValueError(f"the vector of {self.keys[bad[0]]} is not a finite unit vector")


@dataclass(frozen=True, slots=True, eq=False)
class Merged(Generic[Key]):
    """The union of the parts in order of key, and the traversal that chose from it.

    ``keys`` (U,) are ascending and distinct, ``vectors`` (U, D) theirs. Positions in ``traversal``
    refer to them, so ``traversal.nearest`` gives the representative of each key that was not
    chosen.
    """

    keys: tuple[Key, ...]
    vectors: Vectors
    traversal: Traversal

    @property
    def kept(self) -> tuple[Key, ...]:
        """The chosen keys, ascending."""
        return tuple(self.keys[position] for position in np.sort(self.traversal.indices))


def merge(parts: Iterable[Part[Key]], count: int, *, min_distance: float = 0.0) -> Merged[Key]:
    """Choose at most ``count`` of the union of the coresets in ``parts``.

    The union is sorted by key, then traversed farthest first, so the result depends neither on the
    order of the parts nor on the order within one. A key in several parts counts once.

    Every vector that a part saw is within the part's radius plus ``traversal.radius`` of the
    result. If the parts were made by :func:`farthest_first` with ``count``, each of the two is at
    most twice the optimum over everything seen, 4 times in total (composable core-sets: Indyk,
    Mahabadi, Mahdian, Mirrokni 2014; Ceccarello, Pietracaprina, Pucci 2019). Merge all parts at
    once: each further level of a tree adds 2 to that factor.

    Raises :class:`ValueError` if a key has two different vectors, as from two embedders, or if two
    parts have vectors of different length. O(U count D) time.

    >>> west = Part(["w1", "w2"], np.array([[1, 0], [0, 1]], np.float32))
    >>> east = Part(["e1"], np.array([[-1, 0]], np.float32))
    >>> merge([west, east], 2).kept
    ('e1', 'w1')
    """
    union: dict[Key, np.ndarray] = {}
    for part in parts:
        for key, vector in zip(part.keys, part.vectors, strict=True):
            if not np.array_equal(union.setdefault(key, vector), vector):
                raise ValueError(f"{key} has two different vectors; were the embedders the same?")
    lengths = {len(vector) for vector in union.values()}
    if len(lengths) > 1:
        raise ValueError(f"the parts have vectors of different lengths: {sorted(lengths)}")
    keys = tuple(sorted(union))
    vectors = np.empty((len(keys), max(lengths, default=0)), np.float32)
    for position, key in enumerate(keys):
        vectors[position] = union[key]
    vectors.flags.writeable = False
    return Merged(keys, vectors, farthest_first(vectors, count, min_distance=min_distance))
