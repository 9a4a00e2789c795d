"""Value types of the coreset (points, decisions, centers, settings) and input checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Generic, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from streamsel.bounds import require_count
from streamsel.coreset.distance import are_unit
from streamsel.decisions import Outcome
from streamsel.errors import ConfigurationError
from streamsel.frame import Vector, Vectors

K = TypeVar("K")
"""The caller's type of frame names. Keys are stored and returned, never inspected."""

AddedReason: TypeAlias = Literal["novel", "recalled"]
"""Why a frame became a center."""


LEAST_WEIGHT = 0.25
"""Minimum of a frame's weight."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a coreset knows of the feed that a frame comes from.

    ``feed`` is the feed's number. ``weight``, in ``LEAST_WEIGHT``..1, counts once the feed is
    ``fixed``; until then the frame weighs 1.
    """

    feed: int = 0
    weight: float = 1.0
    fixed: bool = False

    def __post_init__(self) -> None:
        if not LEAST_WEIGHT <= self.weight <= 1.0:
            raise ConfigurationError(
                f"coreset: a weight is {self.weight!r}; it must be in {LEAST_WEIGHT}..1"
            )


ANYWHERE = Origin()
"""The origin of frames that come without one."""


@dataclass(frozen=True, slots=True, eq=False)
class Point(Generic[K]):
    """One valid frame as the coreset sees it.

    ``vector`` (D,) is a read-only copy. ``sequence`` counts the offered frames from 0 and breaks
    ties. ``time`` is in seconds, NaN if none was given.
    """

    key: K
    vector: Vector
    sequence: int
    time: float
    quality: float
    origin: Origin = ANYWHERE

    @classmethod
    def of(
        cls,
        key: K,
        row: Vector,
        sequence: int,
        time: float,
        quality: float,
        origin: Origin = ANYWHERE,
    ) -> Point[K]:
        """Return a point with a copy of ``row``, so that it does not keep the block alive."""
        vector = row.copy()
        vector.flags.writeable = False
        return cls(key, vector, sequence, time, quality, origin)

    @property
    def weight(self) -> float:
        """Its weight at present."""
        return self.origin.weight if self.origin.fixed else 1.0

    def fix(self) -> Point[K]:
        """Return the point once its feed counts as fixed."""
        return replace(self, origin=replace(self.origin, fixed=True))


@dataclass(frozen=True, slots=True)
class CenterAdded(Generic[K]):
    """A frame became a center.

    ``distance`` and ``nearest`` refer to the nearest center at that moment and are None for the
    first center; the distance exceeded ``threshold``. ``reason`` is ``novel``, or ``recalled`` for
    a frame that was covered before and became a center because its own center was removed.
    ``vector`` (D,) is the frame's vector, so that a record can continue from it.
    """

    key: K
    distance: float | None
    nearest: K | None
    threshold: float
    reason: AddedReason
    vector: Vector | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CenterRemoved(Generic[K]):
    """A center left the set: ``by`` represents its frames now, at ``distance``.

    Both are None if nothing does. ``reason`` is ``closest-pair`` (evicted to make room),
    ``exchanged`` (a more novel frame of its burst replaces it), ``expired`` (nothing that it
    represented was seen within the window), ``resized`` (the capacity was lowered),
    ``near-duplicate`` (the near-duplicate distance was raised), or the caller's own reason.
    """

    key: K
    by: K | None
    distance: float | None
    reason: str


Change: TypeAlias = CenterAdded[K] | CenterRemoved[K]


@dataclass(frozen=True, slots=True)
class Decision(Generic[K]):
    """The decision on one offered frame, and the reason.

    ``kept``: the frame became a center (``novel``). ``covered``: a center represents it, within the
    near-duplicate distance (``near-duplicate``), within the threshold (``covered``), or beyond it
    because there are enough frames of its burst (``burst``) or every place is taken by a pinned
    center (``full``). ``refused``: its vector was not a finite unit vector (``invalid``), and the
    coreset is unchanged. ``distance`` is the distance to ``nearest``; both are None if none was
    measured. ``threshold`` is that of ``distance``; it is None only for refused frames.

    The ``changes`` of consecutive decisions, read one after the other, are in the order in which
    they happened, so any prefix of them replays to a set that really was held. A change belongs to
    the decision of the frame that caused it; if a later frame of the same block was admitted
    before, it belongs to the decision of that frame.
    """

    key: K
    outcome: Outcome
    reason: Literal["novel", "near-duplicate", "covered", "burst", "full", "invalid"]
    distance: float | None
    nearest: K | None
    threshold: float | None
    changes: tuple[Change[K], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Center(Generic[K]):
    """A member of the coreset.

    ``vector`` (D,) is read-only. ``distance`` is the distance to ``nearest``, the other center that
    is nearest by weighted distance; both are None for the only center. Every frame that it
    represents is within ``reach``. ``last_time`` is when it was last seen, in seconds; None without
    times. A ``pinned`` center is never evicted. ``time`` is when its own frame was seen, and
    ``origin`` where that came from.
    """

    key: K
    vector: Vector
    nearest: K | None
    distance: float | None
    reach: float
    last_time: float | None
    pinned: bool
    time: float | None = None
    origin: Origin = ANYWHERE


@dataclass(frozen=True, slots=True)
class BurstLimit:
    """At most ``most`` centers of a feed within ``seconds`` of each other, once a set is full.

    Without ``seconds`` the stretch is a quarter of the mean gap between the feed's centers, that
    is, of the time from the oldest to the newest divided by their number, as of now; and there is a
    limit only for feeds that count as fixed. Centers from before the set was full may be closer.

    Raises:
        ConfigurationError: A value is out of its bounds.
    """

    most: int = 1
    seconds: float | None = None

    def __post_init__(self) -> None:
        require_count(self.most, "burst: the number of frames")
        if self.seconds is not None and not 0.0 < self.seconds < math.inf:
            raise ConfigurationError(
                f"burst: the duration is {self.seconds!r}; it must be above 0 seconds"
            )


@dataclass(frozen=True, slots=True)
class Settings:
    """The validated arguments of a coreset; see ``Coreset``.

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
    burst: BurstLimit | None = None

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
    """The scalar state of a coreset, which changes along the stream.

    ``soft`` is the threshold (before ``floor``) while the set is not full; ``spacing`` the smallest
    distance of two centers when the set was last full; ``lower_bound`` a lower bound of the optimal
    radius; ``clock`` the latest time in seconds, -inf before the first. The other fields count:
    offered frames (refused ones included), admissions without exchanges, evictions, refused frames,
    exchanges within a burst.
    """

    soft: float
    spacing: float = 0.0
    lower_bound: float = 0.0
    clock: float = -math.inf
    offered: int = 0
    admitted: int = 0
    evicted: int = 0
    rejected: int = 0
    exchanged: int = 0


def arrivals(
    keys: Sequence[K],
    vectors: Vectors,
    times: Sequence[float],
    qualities: Sequence[float],
    origins: Sequence[Origin],
    first: int,
) -> list[Point[K] | None]:
    """Return the points of a block, numbered from ``first``; None for each invalid vector.

    ``vectors`` is (N, D); ``times``, ``qualities`` and ``origins`` have length N. Each point owns a
    read-only copy of its vector, so that none keeps the block alive.
    """
    return [
        Point.of(
            keys[row], vectors[row], first + row, times[row], qualities[row], origins[row]
        ) if unit else None
        for row, unit in enumerate(are_unit(vectors).tolist())
    ]  # fmt: skip


def block_of(vectors: npt.ArrayLike, count: int, dim: int) -> Vectors:
    """Return ``vectors`` as a (count, dim) float32 array.

    A number too large for float32 becomes an infinity, so that its frame is invalid.

    Raises:
        ConfigurationError: The shape is a different one.
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
    """Return ``times`` as ``count`` finite numbers; all NaN if there are none and none is required.

    Raises:
        ConfigurationError: Times are missing, too few, too many, or not finite.
    """
    if times is None:
        if needed:
            raise ConfigurationError(
                "coreset: with a window or a burst limit every frame must come with its time"
            )
        return [math.nan] * count
    return _finite("times", times, count)


def qualities_of(qualities: Sequence[float] | None, count: int) -> list[float]:
    """Return ``qualities`` as ``count`` finite numbers; all 0 if there are none.

    Raises:
        ConfigurationError: There are too few, too many, or one is not finite.
    """
    return [0.0] * count if qualities is None else _finite("qualities", qualities, count)


def origins_of(origins: Sequence[Origin] | None, count: int) -> Sequence[Origin]:
    """Return ``origins``; the same for all ``count`` frames if there are none.

    Raises:
        ConfigurationError: There are too few or too many.
    """
    if origins is None:
        return [ANYWHERE] * count
    if len(origins) != count:
        raise ConfigurationError(f"coreset: {len(origins)} origins came for {count} keys")
    return origins


def _finite(name: str, values: Sequence[float], count: int) -> list[float]:
    """Return ``values`` as numbers; raise unless they are ``count`` finite ones."""
    numbers = [float(value) for value in values]
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ConfigurationError(
            f"coreset: {name} must be {count} finite numbers, one for each key"
        )
    return numbers
