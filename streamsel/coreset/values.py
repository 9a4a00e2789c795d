"""Value types of the coreset (points, decisions, centers, settings) and input checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Generic, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from streamsel.coreset.distance import are_unit
from streamsel.errors import ConfigurationError
from streamsel.frame import Vector, Vectors

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
class CenterAdded(Generic[K]):
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
class CenterRemoved(Generic[K]):
    """A center left the set: ``by`` stands in for it, at ``distance``.

    Both are None where nothing does. ``reason`` is ``closest-pair``, to make room for another;
    ``expired``, and then nothing it stood for was seen within the window; ``resized``, as fewer
    may stay; ``near-duplicate``, as the floor rose; or what the caller gave for it.
    """

    key: K
    by: K | None
    distance: float | None
    reason: str


Change: TypeAlias = CenterAdded[K] | CenterRemoved[K]


@dataclass(frozen=True, slots=True)
class Decision(Generic[K]):
    """What became of one offered frame, and why.

    ``kept``: it became a center (``novel``). ``covered``: a center stands for it, within the
    floor (``near-duplicate``), within the threshold (``covered``), or beyond it where every place
    is taken by a pinned one (``full``). ``refused``: its vector was not a finite unit vector
    (``invalid``), and the coreset did not change. ``distance`` is to ``nearest``; both are None
    where none was measured, ``threshold`` only for refused frames.

    The ``changes`` of consecutive decisions, read one after the other, are in the order in which
    they happened, so any prefix of them replays to a set that was really held. A change hangs on
    the decision of the frame that caused it, unless a later frame of the same block was admitted
    before; then it hangs on that one.
    """

    key: K
    outcome: Literal["kept", "covered", "refused"]
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


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of a coreset, within their bounds; see there.

    Raises:
        ConfigurationError: A value is out of its bounds.
    """

    capacity: int
    dim: int
    floor: float
    hysteresis: float
    window: float | None
    warm_spacing: float
    safety: float

    def __post_init__(self) -> None:
        for name in ("capacity", "dim"):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise ConfigurationError(
                    f"coreset: {name} is {count!r}; it must be a whole number of at least 1"
                )
        for name, most in (("floor", 2.0), ("warm_spacing", 2.0), ("hysteresis", math.inf)):
            value = getattr(self, name)
            _require_number(name, value)
            if not 0.0 <= value <= most or math.isinf(value):
                bounds = "0 or more" if math.isinf(most) else f"between 0 and {most:g}"
                raise ConfigurationError(f"coreset: {name} is {value!r}; it must be {bounds}")
        for name in ("safety", "window"):
            value = getattr(self, name)
            if name != "window" or value is not None:
                _require_number(name, value)
            if value is not None and not 0.0 < value < math.inf:
                raise ConfigurationError(f"coreset: {name} is {value!r}; it must be above 0")


def _require_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConfigurationError(f"coreset: {name} is {value!r}; it must be a number")


@dataclass(slots=True)
class Progress:
    """The scalars of a coreset that change as the stream goes by.

    ``soft`` is the threshold (before the floor) while the set is not full; ``spacing`` the
    smallest distance of two centers when it last was; ``lower_bound`` a lower bound of the
    optimal radius; ``clock`` the latest time in seconds, -inf before the first. The others count
    frames: all that were offered, refused ones included; changes; refused ones.
    """

    soft: float
    spacing: float = 0.0
    lower_bound: float = 0.0
    clock: float = -math.inf
    offered: int = 0
    admitted: int = 0
    evicted: int = 0
    rejected: int = 0


def arrivals(
    keys: Sequence[K],
    vectors: Vectors,
    times: Sequence[float],
    qualities: Sequence[float],
    first: int,
) -> list[Point[K] | None]:
    """Make points of a block, in order, numbered from ``first``; None for each invalid vector.

    ``vectors`` is (N, D), ``times`` and ``qualities`` are of length N. Each point owns a read-only
    copy of its vector, so that none keeps the block alive.
    """
    return [
        Point.of(keys[row], vectors[row], first + row, times[row], qualities[row]) if unit else None
        for row, unit in enumerate(are_unit(vectors).tolist())
    ]


def block_of(vectors: npt.ArrayLike, count: int, dim: int) -> Vectors:
    """Return ``vectors`` as a (count, dim) float32 array.

    A number too large for float32 becomes an infinity, so that its frame is invalid.

    Raises:
        ConfigurationError: The shape is another.
    """
    with np.errstate(over="ignore"):
        block = np.ascontiguousarray(vectors, np.float32)
    if block.shape != (count, dim) and (count or block.size):
        raise ConfigurationError(
            f"coreset: vectors of shape {block.shape} came for {count} keys of dimension {dim}; "
            f"the shape must be ({count}, {dim})"
        )
    return block.reshape(count, dim)


def times_of(times: Sequence[float] | None, count: int, needed: bool) -> list[float]:
    """Return ``times`` as ``count`` finite numbers, NaN each where there are none and none needed.

    Raises:
        ConfigurationError: They are missing, too few or many, or not finite.
    """
    if times is None:
        if needed:
            raise ConfigurationError("coreset: with a window every frame must come with its time")
        return [math.nan] * count
    return _finite("times", times, count)


def qualities_of(qualities: Sequence[float] | None, count: int) -> list[float]:
    """Return ``qualities`` as ``count`` finite numbers, 0 each where there are none.

    Raises:
        ConfigurationError: They are too few or many, or not finite.
    """
    return [0.0] * count if qualities is None else _finite("qualities", qualities, count)


def _finite(name: str, values: Sequence[float], count: int) -> list[float]:
    """Check that ``values`` are ``count`` finite numbers."""
    numbers = [float(value) for value in values]
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ConfigurationError(
            f"coreset: {name} must be {count} finite numbers, one for each key"
        )
    return numbers
