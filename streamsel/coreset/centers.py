"""The table of centers, with the nearest neighbour of each kept up to date."""

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
"""The neighbour of a center that has none."""


MATRIX_ROWS = 4
"""From so many rows on, one matrix product beats as many matrix-vector products."""

_PRODUCTS = 1 << 22
"""Most float32 products that finding neighbours anew holds at a time (16 MiB)."""

_COLUMNS = (
    "vectors", "sequence", "neighbor", "gap", "reach", "last", "pinned", "witness_distance",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Located(Generic[K]):
    """A point seen from the centers, as long as these do not change.

    ``slot`` holds the nearest of them, at ``distance``: NONE and inf if there is no center.
    ``products`` (size,) are its dot products with them all.
    """

    point: Point[K]
    slot: int
    distance: float
    products: npt.NDArray[np.float32]


class CenterTable(Generic[K]):
    """Up to ``slots`` centers in consecutive slots, and what each of them answers for.

    Holds for each center: its point; ``neighbor``, the slot of the nearest other center (of
    equally near ones that which arrived first), and ``gap``, its canonical distance (inf for the
    only center); ``reach``, an upper bound of the distance of any frame it answers for; ``last``,
    when it was last seen (seconds, NaN if never told); ``pinned``, whether it must stay; one
    *witness*, the farthest frame that it absorbed. A point that is no longer a center or a witness
    is not referred to any more.

    Memory 3 * slots * dim float32 and no slots x slots matrix. The arrays may be read up to
    ``size``; only the methods change them.
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
        """How many centers there are."""
        return len(self.points)

    @property
    def slots(self) -> int:
        """How many centers there is room for."""
        return len(self.sequence)

    def reserve(self, slots: int) -> None:
        """Have room for at least ``slots`` centers. Doubles, so that growing is cheap in all."""
        if slots > self.slots:
            self._reshape(max(slots, 2 * self.slots))

    def compact(self) -> None:
        """Give up the room that is not used, and the witnesses."""
        self.witnesses = [None] * self.size
        self.witness_distance[:] = -1.0
        self._reshape(self.size)

    def _reshape(self, slots: int) -> None:
        """Move what there is into arrays for ``slots`` centers."""
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

        ``products`` (B, size) are those of :meth:`products`. There must be a center.
        """
        return nearest(products, vectors, self.vectors, self.sequence[: self.size])

    def order(self) -> list[int]:
        """Return the slots in the order in which their centers arrived."""
        return [int(slot) for slot in np.argsort(self.sequence[: self.size])]

    def locate(self, point: Point[K]) -> Located[K]:
        """See where ``point`` is among the centers, of which there must be one. One scan."""
        vectors = point.vector[None]  # (1, D)
        products = self.products(vectors)  # (1, size)
        slots, distances = self.nearest(vectors, products)
        return Located(point, int(slots[0]), float(distances[0]), products[0])

    def insert(self, located: Located[K]) -> None:
        """Make a point a center, in the slot after the last.

        Cost O(size), and O(dim) for each center whose neighbour it may become.
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
        """Take in many centers at once, in order of arrival; there must be none yet.

        O(N^2 dim) in matrix products of bounded size; cheaper than one insertion after another.
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
        """Remove the centers in ``slots``; the last centers move into the holes.

        Centers that lose their neighbour find a new one: a scan for all of them together.
        """
        gone = np.zeros(self.size + 1, np.bool_)  # its last entry is for NONE, which is -1
        gone[slots] = True
        self.neighbor[: self.size][gone[self.neighbor[: self.size]]] = NONE
        for slot in sorted(slots, reverse=True):
            self._move(self.size - 1, slot)
        orphans = np.flatnonzero(self.neighbor[: self.size] == NONE)
        self.gap[orphans] = np.inf
        if len(orphans) and self.size > 1:
            self._adopt(orphans)

    def _move(self, source: int, slot: int) -> None:
        """Move the center in the last slot, ``source``, to ``slot``, and forget who was there."""
        for name in _COLUMNS:
            column = getattr(self, name)
            column[slot] = column[source]
        self.neighbor[:source][self.neighbor[:source] == source] = slot
        self.points[slot] = self.points[source]
        self.witnesses[slot] = self.witnesses[source]
        self.points.pop()
        self.witnesses.pop()

    def _adopt(self, orphans: npt.NDArray[np.intp]) -> None:
        """Find the neighbours of the centers in the slots ``orphans`` (N,) anew."""
        step = max(1, _PRODUCTS // self.size)
        for start in range(0, len(orphans), step):
            part = orphans[start : start + step]
            products = self.products(self.vectors[part])  # (B, size)
            products[np.arange(len(part)), part] = -np.inf
            self.neighbor[part], self.gap[part] = self.nearest(self.vectors[part], products)

    def absorb(self, slot: int, point: Point[K], distance: float) -> None:
        """Let the center in ``slot`` answer for ``point``, which is ``distance`` away."""
        self.reach[slot] = max(self.reach[slot], distance)
        self.last[slot] = np.fmax(self.last[slot], point.time)
        if distance > self.witness_distance[slot]:
            self.witness_distance[slot] = distance
            self.witnesses[slot] = point

    def inherit(self, slot: int, victim: int, *, recallable: bool) -> None:
        """Let the center in ``slot`` answer for ``victim`` and all that ``victim`` answered for.

        ``recallable``: the victim may be the witness of that center from now on.
        """
        point = self.points[victim]
        distance = float(distances(self.vectors[slot : slot + 1], point.vector)[0])
        self.reach[slot] = max(self.reach[slot], distance + self.reach[victim])
        self.last[slot] = np.fmax(self.last[slot], self.last[victim])
        if recallable:
            self.absorb(slot, point, distance)

    def redundancy(self) -> float:
        """Distance of the closest pair of which one is not pinned; inf where there is none."""
        return float(self.gap[: self.size][~self.pinned[: self.size]].min(initial=math.inf))

    def closest_pair(self, safety: float) -> tuple[int, int, float]:
        """Choose who has to go of the closest pair of centers: victim, survivor, their distance.

        Pairs of two that are pinned are passed over; there must be another. Of equally close pairs
        that with the center that arrived first. The victim is the one whose second-nearest
        neighbour is nearer (the later one if equal), unless the survivor's reach would then exceed
        ``safety`` times the distance and the other choice keeps it smaller. One that is pinned is
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
        """Tell whether ``one`` has to go rather than ``other``; see :meth:`closest_pair`."""
        without_one = max(self.reach[other], distance + self.reach[one])
        without_other = max(self.reach[one], distance + self.reach[other])
        if max(without_one, without_other) > safety * distance and without_one != without_other:
            return bool(without_one < without_other)
        second = self._second_nearest([one, other])
        later = bool(self.sequence[one] > self.sequence[other])
        return second[0] < second[1] or (second[0] == second[1] and later)

    def _second_nearest(self, pair: list[int]) -> tuple[float, float]:
        """Return for either center of ``pair`` the distance to the nearest third one."""
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
