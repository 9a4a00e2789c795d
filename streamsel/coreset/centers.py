"""The table of centers, which maintains the nearest neighbour of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
import numpy.typing as npt

from streamsel.coreset.distance import MARGIN, distances, nearest
from streamsel.coreset.values import Center, K, Point
from streamsel.frame import Vectors

NONE = -1
"""The neighbour of the only center."""


MATRIX_ROWS = 4
"""From this number of rows on, one matrix product is faster than matrix-vector products."""

_PRODUCTS = 1 << 22
"""Maximum number of float32 products held while recomputing neighbours (16 MiB)."""

_COLUMNS = (
    "vectors", "sequence", "neighbor", "gap", "reach", "last", "pinned", "witness_distance",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Located(Generic[K]):
    """A point with its nearest center; valid until the centers change.

    ``slot`` is that of the nearest center, at ``distance``; NONE and inf if there is no center.
    ``products`` (size,) are the dot products with all centers.
    """

    point: Point[K]
    slot: int
    distance: float
    products: npt.NDArray[np.float32]


class CenterTable(Generic[K]):
    """Up to ``slots`` centers in consecutive slots.

    Stores for each center: its point; ``neighbor``, the slot of the nearest other center (ties to
    the earlier one), and ``gap``, the canonical distance to it (inf for the only
    center); ``reach``, an upper bound of the distance of any frame that it represents; ``last``,
    the time at which it was last seen (seconds, NaN without times); ``pinned``, whether it must
    stay; one *witness*, the farthest frame that it covered. Points that are no longer a center or a
    witness are not referenced.

    Memory: 3 * slots * dim float32; no slots x slots matrix. The arrays may be read up to ``size``;
    only the methods change them.
    """

    def __init__(self, slots: int, dim: int) -> None:
        self.vectors: Vectors = np.zeros((slots, dim), np.float32)
        self.sequence = np.full(slots, NONE, np.int64)
        self.neighbor = np.full(slots, NONE, np.intp)
        self.gap = np.full(slots, np.inf)
        self.reach = np.zeros(slots)
        self.last = np.full(slots, np.nan)
        self.pinned = np.zeros(slots, np.bool_)
        self.witness_distance = np.full(slots, -1.0)
        self.points: list[Point[K]] = []
        self.witnesses: list[Point[K] | None] = []

    @property
    def size(self) -> int:
        """Number of centers."""
        return len(self.points)

    @property
    def slots(self) -> int:
        """Number of centers that fit."""
        return len(self.sequence)

    def reserve(self, slots: int) -> None:
        """Make room for at least ``slots`` centers; doubles, so that growth is cheap."""
        if slots > self.slots:
            self._reshape(max(slots, 2 * self.slots))

    def compact(self) -> None:
        """Release unused room and the witnesses."""
        self.witnesses = [None] * self.size
        self.witness_distance[:] = -1.0
        self._reshape(self.size)

    def _reshape(self, slots: int) -> None:
        """Move the columns to arrays for ``slots`` centers."""
        for name in _COLUMNS:
            old = getattr(self, name)
            new = np.zeros((slots, *old.shape[1:]), old.dtype)
            new[: self.size] = old[: self.size]
            setattr(self, name, new)
        self.sequence[self.size :] = NONE

    def products(self, vectors: Vectors) -> npt.NDArray[np.float32]:
        """Return the dot products of ``vectors`` (B, D) with the centers, (B, size)."""
        centers = self.vectors[: self.size]
        if len(vectors) >= MATRIX_ROWS:
            return vectors @ centers.T
        products = np.empty((len(vectors), self.size), np.float32)
        for vector, out in zip(vectors, products, strict=True):
            np.matmul(centers, vector, out=out)
        return products

    def nearest(
        self, vectors: Vectors, products: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """Return slot and canonical distance of the center nearest to each of ``vectors`` (B, D).

        ``products`` (B, size) are those of :meth:`products`. Requires at least one center.
        """
        return nearest(products, vectors, self.vectors, self.sequence[: self.size])

    def order(self) -> list[int]:
        """Return the slots in the order in which their centers arrived."""
        return [int(slot) for slot in np.argsort(self.sequence[: self.size])]

    def locate(self, point: Point[K]) -> Located[K]:
        """Find the center nearest to ``point``; requires at least one. One scan."""
        vectors = point.vector[None]  # (1, D)
        products = self.products(vectors)  # (1, size)
        slots, distances = self.nearest(vectors, products)
        return Located(point, int(slots[0]), float(distances[0]), products[0])

    def insert(self, located: Located[K]) -> None:
        """Make a point a center, in the slot after the last.

        Cost: O(size), and O(dim) for each center that the point may become the neighbour of.
        """
        point = located.point
        slot = self.size
        self.points.append(point)
        self.witnesses.append(None)
        self.vectors[slot] = point.vector
        self.sequence[slot] = point.sequence
        self.neighbor[slot], self.gap[slot] = located.slot, located.distance
        self.reach[slot], self.witness_distance[slot] = 0.0, -1.0
        self.last[slot], self.pinned[slot] = point.time, False
        squared = 2.0 - 2.0 * located.products.astype(np.float64)  # (size,)
        maybe = np.flatnonzero(squared <= np.square(self.gap[:slot]) + MARGIN)
        exact = distances(self.vectors[maybe], point.vector)
        gap = self.gap[maybe]
        first = point.sequence < self.sequence[self.neighbor[maybe]]
        closer = (exact < gap) | ((exact == gap) & first)
        self.neighbor[maybe[closer]], self.gap[maybe[closer]] = slot, exact[closer]

    def fill(self, centers: Sequence[Center[K]]) -> None:
        """Add many centers to an empty table, in order of arrival.

        O(N^2 dim) in matrix products of bounded size; cheaper than repeated insertion.
        """
        for slot, center in enumerate(centers):
            last = math.nan if center.last_time is None else center.last_time
            self.points.append(Point.of(center.key, center.vector, slot, last, 0.0))
            self.vectors[slot], self.sequence[slot] = center.vector, slot
            self.reach[slot], self.last[slot] = center.reach, last
            self.pinned[slot] = center.pinned
        self.witnesses += [None] * len(centers)
        if self.size > 1:
            self._adopt(np.arange(self.size))

    def remove(self, slots: list[int]) -> None:
        """Remove the centers in ``slots``; the last centers move into the free slots.

        Centers that lose their neighbour get a new one, in one scan for all of them.
        """
        gone = np.zeros(self.size + 1, np.bool_)  # the last entry is for NONE (-1)
        gone[slots] = True
        self.neighbor[: self.size][gone[self.neighbor[: self.size]]] = NONE
        for slot in sorted(slots, reverse=True):
            self._move(self.size - 1, slot)
        orphans = np.flatnonzero(self.neighbor[: self.size] == NONE)
        self.gap[orphans] = np.inf
        if len(orphans) and self.size > 1:
            self._adopt(orphans)

    def _move(self, source: int, slot: int) -> None:
        """Move the center in the last slot, ``source``, to ``slot``, overwriting it."""
        for name in _COLUMNS:
            column = getattr(self, name)
            column[slot] = column[source]
        self.neighbor[:source][self.neighbor[:source] == source] = slot
        self.points[slot] = self.points[source]
        self.witnesses[slot] = self.witnesses[source]
        self.points.pop()
        self.witnesses.pop()

    def _adopt(self, orphans: npt.NDArray[np.intp]) -> None:
        """Recompute the neighbours of the centers in the slots ``orphans`` (N,)."""
        step = max(1, _PRODUCTS // self.size)
        for start in range(0, len(orphans), step):
            part = orphans[start : start + step]
            products = self.products(self.vectors[part])  # (B, size)
            products[np.arange(len(part)), part] = -np.inf
            self.neighbor[part], self.gap[part] = self.nearest(self.vectors[part], products)

    def absorb(self, slot: int, point: Point[K], distance: float) -> None:
        """Let the center in ``slot`` represent ``point``, at ``distance``."""
        self.reach[slot] = max(self.reach[slot], distance)
        self.last[slot] = np.fmax(self.last[slot], point.time)
        if distance > self.witness_distance[slot]:
            self.witness_distance[slot] = distance
            self.witnesses[slot] = point

    def inherit(self, slot: int, victim: int, *, recallable: bool) -> None:
        """Let the center in ``slot`` represent ``victim`` and every frame that it represented.

        With ``recallable`` the victim may become the witness of that center.
        """
        point = self.points[victim]
        distance = float(distances(self.vectors[slot : slot + 1], point.vector)[0])
        self.reach[slot] = max(self.reach[slot], distance + self.reach[victim])
        self.last[slot] = np.fmax(self.last[slot], self.last[victim])
        if recallable:
            self.absorb(slot, point, distance)

    def redundancy(self) -> float:
        """Return the distance of the closest pair with an unpinned center; inf if there is none."""
        return float(self.gap[: self.size][~self.pinned[: self.size]].min(initial=math.inf))

    def closest_pair(self, safety: float) -> tuple[int, int, float]:
        """Choose the eviction from the closest pair of centers: victim, survivor, distance.

        Pairs of two pinned centers are skipped; there must be another pair. Of equally close pairs,
        the one with the center that arrived first is used. The victim is the center with the nearer
        second-nearest neighbour (if equal, the later one), unless the survivor's reach would exceed
        ``safety`` times the distance and the other choice keeps it smaller. A pinned center is
        never the victim. Cost: two scans.
        """
        gap = np.where(self.pinned[: self.size], math.inf, self.gap[: self.size])
        tied = np.flatnonzero(gap == gap.min())
        one = int(tied[self.sequence[tied].argmin()])
        other, distance = int(self.neighbor[one]), float(gap[one])
        if self.pinned[other] or self._goes(one, other, distance, safety):
            return one, other, distance
        return other, one, distance

    def _goes(self, one: int, other: int, distance: float, safety: float) -> bool:
        """Whether ``one`` rather than ``other`` is the victim; see :meth:`closest_pair`."""
        without_one = max(self.reach[other], distance + self.reach[one])
        without_other = max(self.reach[one], distance + self.reach[other])
        if max(without_one, without_other) > safety * distance and without_one != without_other:
            return bool(without_one < without_other)
        second = self._second_nearest([one, other])
        later = bool(self.sequence[one] > self.sequence[other])
        return second[0] < second[1] or (second[0] == second[1] and later)

    def _second_nearest(self, pair: list[int]) -> tuple[float, float]:
        """Return, for each center of ``pair``, the distance to the nearest third center."""
        if self.size <= 2:
            return math.inf, math.inf
        vectors = self.vectors[pair]  # (2, D)
        products = self.products(vectors)  # (2, size)
        products[:, pair] = -np.inf
        _, distance = self.nearest(vectors, products)
        return float(distance[0]), float(distance[1])

    def describe(self, slot: int) -> Center[K]:
        """Return the center in ``slot`` as a value."""
        near, last = int(self.neighbor[slot]), float(self.last[slot])
        return Center(
            key=self.points[slot].key,
            vector=self.points[slot].vector,
            nearest=None if near == NONE else self.points[near].key,
            distance=None if near == NONE else float(self.gap[slot]),
            reach=float(self.reach[slot]),
            last_time=None if math.isnan(last) else last,
            pinned=bool(self.pinned[slot]),
        )
