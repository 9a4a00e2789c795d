"""What a coreset is offered, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Literal, TypeAlias, TypeVar

from streamsel.frame import Vector

K = TypeVar("K")
"""The caller's name for a frame: anything. It is stored and handed back, never looked into."""


@dataclass(frozen=True, slots=True, eq=False)
class Point(Generic[K]):
    """One valid frame as the coreset sees it.

    ``vector`` (D,) is a read-only copy of its own. ``sequence`` counts the offered frames from 0
    and settles ties. ``time`` is in seconds, NaN where none was given.
    """

    key: K
    vector: Vector
    sequence: int
    time: float
    quality: float

    @classmethod
    def of(cls, key: K, row: Vector, sequence: int, time: float, quality: float) -> Point[K]:
        """Make a point of a row of a block, which it does not keep alive."""
        vector = row.copy()
        vector.flags.writeable = False
        return cls(key, vector, sequence, time, quality)


@dataclass(frozen=True, slots=True)
class Admitted(Generic[K]):
    """A frame became a center.

    ``distance`` and ``nearest`` are to the nearest center at that moment, None for the first of
    all; the distance exceeded ``threshold``. ``reason`` is ``recalled`` for a frame that had been
    absorbed before and came back because its center was removed, else ``novel``. ``vector`` (D,)
    is the frame's own, for whoever must be able to continue from it.
    """

    key: K
    distance: float | None
    nearest: K | None
    threshold: float
    reason: Literal["novel", "recalled"]
    vector: Vector | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Removed(Generic[K]):
    """A center left the set: ``by`` stands in for it, at ``distance``.

    Both are None where nothing does. ``reason`` is ``closest-pair``, to make room for another;
    ``expired``, and then nothing it stood for was seen within the window; ``resized``, as fewer
    may stay; ``near-duplicate``, as the floor rose; or what the caller gave for it.
    """

    key: K
    by: K | None
    distance: float | None
    reason: str


Change: TypeAlias = Admitted[K] | Removed[K]


@dataclass(frozen=True, slots=True)
class Decision(Generic[K]):
    """What became of one offered frame, and why.

    ``admitted``: it became a center (``novel``). ``absorbed``: a center stands for it, within the
    floor (``near-duplicate``), within the threshold (``covered``), or beyond it where every place
    is taken by a pinned one (``full``). ``rejected``: its vector was not a finite unit vector
    (``invalid``), and the coreset did not change. ``distance`` is to ``nearest``; both are None
    where none was measured, ``threshold`` only for rejected frames.

    The ``changes`` of consecutive decisions, read one after the other, are in the order in which
    they happened, so any prefix of them replays to a set that was really held. A change hangs on
    the decision of the frame that caused it, unless a later frame of the same block was admitted
    before; then it hangs on that one.
    """

    key: K
    outcome: Literal["admitted", "absorbed", "rejected"]
    reason: Literal["novel", "near-duplicate", "covered", "full", "invalid"]
    distance: float | None
    nearest: K | None
    threshold: float | None
    changes: tuple[Change[K], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Center(Generic[K]):
    """A member of the coreset.

    ``vector`` is (D,), read-only. ``distance`` is to ``nearest``, the nearest other center; both
    are None for the only one. Every frame it answers for is within ``reach``. ``last_time`` is
    when it was last seen, in seconds; None where no times were given. One that is ``pinned`` is
    never evicted.
    """

    key: K
    vector: Vector
    nearest: K | None
    distance: float | None
    reach: float
    last_time: float | None
    pinned: bool
