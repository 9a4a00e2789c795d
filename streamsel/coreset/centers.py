"""The table of centers, which maintains the nearest neighbour of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np
import numpy.typing as npt

from streamsel.coreset.distance import MARGIN, distances, nearest
from streamsel.coreset.values import ANYWHERE, Center, K, Point
from streamsel.frame import Vectors

NONE = -1
"""The neighbour of the only center."""


MATRIX_ROWS = 4
"""From this number of rows on, one matrix product is faster than matrix-vector products."""

_PRODUCTS = 1 << 22
"""Maximum number of float32 products held while recomputing neighbours (16 MiB)."""

_COLUMNS = (
    "vectors", "sequence", "neighbor", "gap", "reach", "last", "pinned", "witness_distance",
    "time", "feed", "weight",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Located(Generic[K]):
    """A point with its nearest center; valid until the centers change.

    ``slot`` is that of the nearest center, by weighted distance, and ``distance`` the plain
    distance to it; NONE and inf if there is no center. ``products`` (size,) are the dot products
    with all centers.
    """

    point: Point[K]
    slot: int
    distance: float
    products: npt.NDArray[np.float32]


class CenterTable(Generic[K]):
    """Up to ``slots`` centers in consecutive slots.

    Stores for each center: its point; ``neighbor``, the slot of the nearest other center (ties to
    the earlier one), and ``gap``, the weighted distance to it (inf for the only center); ``reach``,
    an upper bound of the plain distance of any frame that it represents; ``last``, the time at
    which it was last seen (seconds, NaN without times); ``pinned``, whether it must stay; one
    *witness*, the farthest frame that it covered by weighted distance. Of its point ``time``,
    ``feed`` and ``weight`` are columns too. Points that are no longer a center or a witness are not
    referenced.

    The weighted distance of two frames is their canonical distance times the greater of their
    weights. *Nearest* means by weighted distance unless said otherwise; ``weighted`` is False as
    long as no center weighs less than 1, and then the two distances are the same.

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
        self.time = np.full(slots, np.nan)
        self.feed = np.zeros(slots, np.int64)
        self.weight = np.ones(slots)
        self.weighted = False
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
        # All vectors are finite. A BLAS may compute lanes beyond the end of a short row, too, and
        # leave the processor's flag of what it then discards.
        with np.errstate(invalid="ignore"):
            if len(vectors) >= MATRIX_ROWS:
                return vectors @ centers.T
            products = np.empty((len(vectors), self.size), np.float32)
            for vector, out in zip(vectors, products, strict=True):
                np.matmul(centers, vector, out=out)
            return products

    def factors(
        self, weights: npt.NDArray[np.float64], slots: npt.NDArray[np.intp] | None = None
    ) -> npt.NDArray[np.float64] | None:
        """Return what the distances of frames to the centers count times; None: once, all of them.

        ``weights`` (B,) are those of the frames. Returns (B, N) for the centers in ``slots`` (N,),
        by default all.
        """
        if not self.weighted:
            return None
        own = self.weight[: self.size] if slots is None else self.weight[slots]
        return np.maximum(weights[:, None], own)

    def nearest(
        self,
        vectors: Vectors,
        products: npt.NDArray[np.float32],
        weights: npt.NDArray[np.float64],
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """Return slot and plain distance of the center nearest to each of ``vectors`` (B, D).

        ``products`` (B, size) are those of :meth:`products`, ``weights`` (B,) those of the frames.
        Requires at least one center.
        """
        order = self.sequence[: self.size]
        return nearest(products, vectors, self.vectors, order, self.factors(weights))

    def plainly_nearest(
        self, vectors: Vectors, products: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """Return the same by plain distance."""
        return nearest(products, vectors, self.vectors, self.sequence[: self.size])

    def weigh(
        self,
        away: npt.NDArray[np.float64],
        slots: npt.NDArray[np.intp],
        weights: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        """Return plain distances (B,) of frames of ``weights`` to ``slots`` as weighted ones."""
        return away * np.maximum(weights, self.weight[slots]) if self.weighted else away

    def factor(self, slot: int, point: Point[K]) -> float:
        """Return what the distance of ``point`` to the center in ``slot`` counts times."""
        return max(float(self.weight[slot]), point.weight) if self.weighted else 1.0

    def order(self) -> list[int]:
        """Return the slots in the order in which their centers arrived."""
        return [int(slot) for slot in np.argsort(self.sequence[: self.size])]

    def locate(self, point: Point[K]) -> Located[K]:
        """Find the center nearest to ``point``; requires at least one. One scan."""
        vectors = point.vector[None]  # (1, D)
        products = self.products(vectors)  # (1, size)
        slots, distances = self.nearest(vectors, products, np.array([point.weight]))
        return Located(point, int(slots[0]), float(distances[0]), products[0])

    def novelty(self, located: Located[K], without: int) -> float:
        """Return the weighted distance of a point to the nearest center but that in ``without``."""
        if self.size <= 1:
            return math.inf
        products = located.products[None].copy()  # (1, size)
        products[0, without] = -np.inf
        vectors, weights = located.point.vector[None], np.array([located.point.weight])
        slots, away = self.nearest(vectors, products, weights)
        return float(self.weigh(away, slots, weights)[0])

    def insert(self, located: Located[K]) -> None:
        """Make a point a center, in the slot after the last.

        Cost: O(size), and O(dim) for each center that the point may become the neighbour of.
        """
        point = located.point
        slot = self.size
        nearest = located.distance * self.factor(located.slot, point)
        self.points.append(point)
        self.witnesses.append(None)
        self.vectors[slot] = point.vector
        self._describe_point(slot)
        self.neighbor[slot], self.gap[slot] = located.slot, nearest
        self.reach[slot], self.witness_distance[slot] = 0.0, -1.0
        self.last[slot], self.pinned[slot] = point.time, False
        squared = 2.0 - 2.0 * located.products.astype(np.float64)  # (size,)
        if self.weighted:
            factors = np.maximum(self.weight[:slot], point.weight)
            squared *= np.square(factors)
        maybe = np.flatnonzero(squared <= np.square(self.gap[:slot]) + MARGIN)
        exact = distances(self.vectors[maybe], point.vector)
        if self.weighted:
            exact *= factors[maybe]
        gap = self.gap[maybe]
        first = point.sequence < self.sequence[self.neighbor[maybe]]
        closer = (exact < gap) | ((exact == gap) & first)
        self.neighbor[maybe[closer]], self.gap[maybe[closer]] = slot, exact[closer]

    def _describe_point(self, slot: int) -> None:
        """Set the columns that repeat what the point in ``slot`` says."""
        point = self.points[slot]
        self.sequence[slot], self.time[slot] = point.sequence, point.time
        self.feed[slot], self.weight[slot] = point.origin.feed, point.weight
        self.weighted = self.weighted or point.weight < 1.0

    def restore(self, points: Sequence[Point[K]], witnesses: Sequence[Point[K] | None]) -> None:
        """Put points and witnesses into an empty table; the other columns are the caller's."""
        self.points.extend(points)
        self.witnesses.extend(witnesses)
        for slot, point in enumerate(points):
            self.vectors[slot] = point.vector
            self._describe_point(slot)

    def fill(self, centers: Sequence[Center[K]]) -> None:
        """Add many centers to an empty table, in order of arrival.

        O(N^2 dim) in matrix products of bounded size; cheaper than repeated insertion.
        """
        points = []
        for slot, center in enumerate(centers):
            last = math.nan if center.last_time is None else center.last_time
            time = last if center.time is None else center.time
            points.append(Point.of(center.key, center.vector, slot, time, 0.0, center.origin))
            self.reach[slot], self.last[slot] = center.reach, last
            self.pinned[slot] = center.pinned
        self.restore(points, [None] * len(centers))
        if self.size > 1:
            self._adopt(np.arange(self.size))

    def unweighted(self) -> CenterTable[K]:
        """Return a table of the same centers, numbered by arrival, in which each weighs 1."""
        table: CenterTable[K] = CenterTable(self.size + 1, self.vectors.shape[1])
        table.fill([replace(self.describe(slot), origin=ANYWHERE) for slot in self.order()])
        return table

    def fix(self, feed: int) -> bool:
        """Let the weights of all points of a feed count from now on; return whether any changed.

        O(N^2 dim) if a center's weight changed.
        """
        before = self.weight[: self.size].copy()
        for slot, (point, witness) in enumerate(zip(self.points, self.witnesses, strict=True)):
            if point.origin.feed == feed:
                self.points[slot] = point.fix()
                self._describe_point(slot)
            if witness is not None and witness.origin.feed == feed:
                self.witnesses[slot] = witness.fix()
        if np.array_equal(before, self.weight[: self.size]):
            return False
        for slot, witness in enumerate(self.witnesses):
            if witness is not None:
                away = self.distance(slot, witness)
                self.witness_distance[slot] = away * self.factor(slot, witness)
        if self.size > 1:
            self._adopt(np.arange(self.size))
        return True

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
            weights = self.weight[part]
            near, away = self.nearest(self.vectors[part], products, weights)
            self.neighbor[part], self.gap[part] = near, self.weigh(away, near, weights)

    def absorb(self, slot: int, point: Point[K], distance: float) -> None:
        """Let the center in ``slot`` represent ``point``, at the plain ``distance``."""
        self.reach[slot] = max(self.reach[slot], distance)
        self.last[slot] = np.fmax(self.last[slot], point.time)
        weighted = distance * self.factor(slot, point)
        if weighted > self.witness_distance[slot]:
            self.witness_distance[slot] = weighted
            self.witnesses[slot] = point

    def inherit(self, slot: int, victim: int, *, recallable: bool) -> None:
        """Let the center in ``slot`` represent ``victim`` and every frame that it represented.

        With ``recallable`` the victim may become the witness of that center.
        """
        point = self.points[victim]
        distance = self.distance(slot, point)
        self.reach[slot] = max(self.reach[slot], distance + self.reach[victim])
        self.last[slot] = np.fmax(self.last[slot], self.last[victim])
        if recallable:
            self.absorb(slot, point, distance)

    def distance(self, slot: int, point: Point[K]) -> float:
        """Return the plain distance of ``point`` to the center in ``slot``."""
        return float(distances(self.vectors[slot : slot + 1], point.vector)[0])

    def redundancy(self) -> float:
        """Return the weighted distance of the closest pair with an unpinned center, or inf."""
        return float(self.gap[: self.size][~self.pinned[: self.size]].min(initial=math.inf))

    def most_redundant(self, slots: npt.NDArray[np.intp]) -> int:
        """Return which of the centers in ``slots`` has the nearest neighbour; ties: the first."""
        gap = self.gap[slots]
        tied = slots[gap == gap.min()]
        return int(tied[self.sequence[tied].argmin()])

    def describe(self, slot: int) -> Center[K]:
        """Return the center in ``slot`` as a value."""
        near, last = int(self.neighbor[slot]), float(self.last[slot])
        return Center(
            key=self.points[slot].key,
            vector=self.points[slot].vector,
            nearest=None if near == NONE else self.points[near].key,
            distance=None if near == NONE else self.distance(near, self.points[slot]),
            reach=float(self.reach[slot]),
            last_time=None if math.isnan(last) else last,
            pinned=bool(self.pinned[slot]),
            time=None if math.isnan(self.points[slot].time) else self.points[slot].time,
            origin=self.points[slot].origin,
        )
