"""The read-only side of a coreset: its centers, its bounds and its counters."""

from __future__ import annotations

from typing import Generic

from streamsel.coreset.admission import Members
from streamsel.coreset.distance import FARTHEST
from streamsel.coreset.values import Center, K
from streamsel.frame import Vectors


class CoresetView(Generic[K]):
    """Read access to a coreset; :class:`Coreset` adds the operations that change it."""

    def __init__(self, members: Members[K]) -> None:
        self._members = members

    def __len__(self) -> int:
        return self._members.size

    @property
    def capacity(self) -> int:
        """Maximum number of centers."""
        return self._members.settings.capacity

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._members.settings.dim

    @property
    def floor(self) -> float:
        """Near-duplicate distance: frames within it are near duplicates."""
        return self._members.settings.floor

    @property
    def spacing(self) -> float:
        """Smallest weighted distance of two centers when the set was last full; 0 before that.

        With a capacity of 1 it is the largest distance of a newcomer from the center it was
        compared with.
        """
        return self._members.progress.spacing

    @property
    def threshold(self) -> float:
        """A frame is admitted if its weighted distance from the nearest center exceeds this.

        It must also be farther than ``floor`` from every center by plain distance.
        """
        return self._members.threshold()

    @property
    def coverage_bound(self) -> float:
        """Every valid frame so far (with a window: within it) is within this of a center."""
        table = self._members.table
        return min(FARTHEST, float(table.reach[: table.size].max(initial=0.0)))

    @property
    def lower_bound(self) -> float:
        """Any ``capacity`` of the frames so far need at least this radius to cover all of them."""
        return self._members.progress.lower_bound

    @property
    def admitted(self) -> int:
        """How many times a frame became a center, exchanges not counted."""
        return self._members.progress.admitted

    @property
    def exchanged(self) -> int:
        """How many times a frame replaced another of its burst."""
        return self._members.progress.exchanged

    @property
    def evicted(self) -> int:
        """How many times a center was removed, including expiry."""
        return self._members.progress.evicted

    @property
    def refused(self) -> int:
        """How many frames had an invalid vector."""
        return self._members.progress.rejected

    @property
    def keys(self) -> tuple[K, ...]:
        """The keys of the centers, in the order in which their frames were offered."""
        table = self._members.table
        return tuple(table.points[slot].key for slot in table.order())

    def centers(self) -> tuple[Center[K], ...]:
        """Return the centers, in the order in which their frames were offered."""
        table = self._members.table
        return tuple(table.describe(slot) for slot in table.order())

    def vectors(self) -> Vectors:
        """Return a copy of the centers' vectors, (size, D), in the order of :meth:`centers`."""
        table = self._members.table
        return table.vectors[table.order()]

    @property
    def redundancy(self) -> float | None:
        """Weighted distance of the closest pair with an unpinned center.

        Infinite if there is no such pair but an unpinned center; None if all centers are pinned.
        """
        return self._members.redundancy

    def refusal_bound(self, weight: float = 1.0) -> float:
        """Return the distance within which frames covered from now on are of their centers.

        Holds until the centers change, for frames of at least this ``weight``. While no center
        comes, goes, or is pinned or unpinned, the threshold of a frame of weight 1 is at most
        ``max(floor, soft, (1 + hysteresis) * s)``. ``soft``, the threshold of a set that is not
        full, only falls. ``s`` is the spacing or, if greater, the distance of the closest pair,
        which becomes the spacing if a smaller capacity makes the set full.
        """
        return self._members.refusal_bound(weight)

    @property
    def pinned(self) -> tuple[K, ...]:
        """The keys of the pinned centers, in the order in which their frames were offered."""
        table = self._members.table
        return tuple(table.points[slot].key for slot in table.order() if table.pinned[slot])

    @property
    def witnesses(self) -> list[K]:
        """The keys of the frames that may be recalled: at most one per center, in no order."""
        return [point.key for point in self._members.table.witnesses if point is not None]
