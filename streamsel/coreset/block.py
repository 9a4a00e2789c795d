"""A look-ahead block: undecided frames with their nearest centers, farthest first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Generic

import numpy as np
import numpy.typing as npt

from streamsel.coreset.centers import NONE, CenterTable, Located
from streamsel.coreset.distance import MARGIN, distances, nearest
from streamsel.coreset.values import K, Point


class Block(Generic[K]):
    """Frames in order of arrival, each with its nearest center and the plain distance to it.

    ``slot`` (B,) and ``distance`` (B,) refer to the table as of the last :meth:`refresh`; without
    centers all distances are inf. The nearest is that by weighted distance, see
    :class:`CenterTable`. Frames that are not ``pending`` have left the block; those in the rows
    ``barred`` stay, but are not admitted. The dot products with the centers are computed once, in
    one matrix product; after a change of the table only those of the changed slots are recomputed.
    """

    def __init__(self, points: Sequence[Point[K]], table: CenterTable[K]) -> None:
        self.points = points
        self.pending = np.ones(len(points), np.bool_)
        self.barred: list[int] = []
        self.slot = np.full(len(points), NONE, np.intp)
        self.distance = np.full(len(points), np.inf)
        self._table = table
        self._vectors = np.stack([point.vector for point in points])  # (B, D)
        self._quality = np.array([point.quality for point in points])
        slots = min(len(table.sequence), table.size + len(points))
        self._products = np.empty((len(points), slots), np.float32)  # (B, slots)
        self._sequence = np.full(slots, NONE, np.int64)
        self._sequence[: table.size] = table.sequence[: table.size]
        if table.size:
            self._products[:, : table.size] = table.products(self._vectors)
            self._search(np.arange(len(points)))

    def refresh(self) -> None:
        """Update the nearest centers of the pending frames after a change of the table.

        A slot's vector is identified by its sequence number, so a slot has changed exactly if that
        number has. Cost: O(size + B D) per changed slot.
        """
        table = self._table
        size = table.size
        changed = np.flatnonzero(self._sequence[:size] != table.sequence[:size])
        self._products[:, changed] = self._vectors @ table.vectors[changed].T
        self._sequence[:size] = table.sequence[:size]
        self._sequence[size:] = NONE  # a removed center may return to its slot
        gone = np.ones(len(self._sequence) + 1, np.bool_)  # the last entry is for NONE (-1)
        gone[:size] = False
        gone[changed] = True
        lost = self.pending & gone[self.slot]
        self._compare(np.flatnonzero(self.pending & ~lost), changed)
        self._search(np.flatnonzero(lost))

    def _search(self, rows: npt.NDArray[np.intp]) -> None:
        """Find the nearest centers of the frames in ``rows`` from the stored products."""
        if not len(rows):
            return
        products = self._products[:, : self._table.size]
        if len(rows) < len(products):
            products = products[rows]
        self.slot[rows], self.distance[rows] = self._table.nearest(
            self._vectors[rows], products, self._weight[rows]
        )

    def _compare(self, rows: npt.NDArray[np.intp], changed: npt.NDArray[np.intp]) -> None:
        """Assign the frames in ``rows`` to a center in ``changed`` where that is nearer."""
        table = self._table
        products = self._products[rows[:, None], changed]  # (N, C)
        factors = table.factors(self._weight[rows], changed)
        squared = 2.0 - 2.0 * products
        if factors is not None:
            squared = squared * np.square(factors)
        before = self._apart()[rows]
        maybe = squared.min(axis=1, initial=np.inf) <= np.square(before) + MARGIN
        rows, before = rows[maybe], before[maybe]
        if not len(rows):
            return
        choice, distance = nearest(
            products[maybe],
            self._vectors[rows],
            table.vectors[changed],
            table.sequence[changed],
            None if factors is None else factors[maybe],
        )
        slot = changed[choice]
        apart = table.weigh(distance, slot, self._weight[rows])
        first = table.sequence[slot] < table.sequence[self.slot[rows]]
        closer = (apart < before) | ((apart == before) & first)
        self.slot[rows[closer]], self.distance[rows[closer]] = slot[closer], distance[closer]

    @property
    def _weight(self) -> npt.NDArray[np.float64]:
        """The weights of the frames, (B,); 1 as long as all centers weigh 1."""
        return self._own_weight if self._table.weighted else np.ones(len(self.points))

    @cached_property
    def _own_weight(self) -> npt.NDArray[np.float64]:
        return np.array([point.weight for point in self.points])

    def _apart(self) -> npt.NDArray[np.float64]:
        """Return the weighted distances to the nearest centers, (B,)."""
        if not self._table.weighted:
            return self.distance
        return self._table.weigh(self.distance, self.slot, self._weight)

    def next(self, spacing: float, floor: float) -> int | None:
        """Return the row of the frame to admit next, or None if there is none.

        Frames that may be admitted are pending, not barred, farther from every center than
        ``spacing`` by weighted distance and than ``floor`` by plain distance. The farthest of them
        is chosen (of equals the first to arrive), except that the sharpest of near duplicates
        represents them: of those within ``floor`` of the farthest, the one of highest quality, if
        its quality is higher than the farthest's own.
        """
        threshold = spacing if self._table.weighted else max(spacing, floor)
        waiting = np.where(self.pending, self._apart(), -1.0)
        if self.barred:
            waiting[self.barred] = -1.0
        if self._table.weighted:
            waiting[self._near_duplicates(waiting, spacing, floor)] = -1.0
        row = int(waiting.argmax())
        if waiting[row] <= threshold:
            return None
        better = np.flatnonzero((waiting > threshold) & (self._quality > self._quality[row]))
        better = better[distances(self._vectors[better], self._vectors[row]) <= floor]
        return int(better[self._quality[better].argmax()]) if len(better) else row

    def _near_duplicates(
        self, apart: npt.NDArray[np.float64], spacing: float, floor: float
    ) -> npt.NDArray[np.intp]:
        """Return the rows of frames beyond ``spacing`` but within ``floor`` of a center."""
        # Plain distances are the greater ones, so frames beyond the floor by weight are beyond it.
        maybe = np.flatnonzero((apart > spacing) & (apart <= floor))
        if not len(maybe):
            return maybe
        products = self._products[maybe, : self._table.size]
        _, plain = self._table.plainly_nearest(self._vectors[maybe], products)
        return maybe[plain <= floor]

    def assign(self, spacing: float, floor: float) -> None:
        """Let frames beyond ``spacing`` but within ``floor`` of a center belong to the nearest."""
        if not self._table.weighted:
            return
        rows = self._near_duplicates(np.where(self.pending, self._apart(), -1.0), spacing, floor)
        if len(rows):
            products = self._products[rows, : self._table.size]
            found = self._table.plainly_nearest(self._vectors[rows], products)
            self.slot[rows], self.distance[rows] = found

    def take(self, row: int) -> Located[K]:
        """Remove the frame in ``row`` from the block and return it."""
        self.pending[row] = False
        return self.locate(row)

    def locate(self, row: int) -> Located[K]:
        """Return the frame in ``row`` with its nearest center."""
        products = self._products[row, : self._table.size]
        return Located(self.points[row], int(self.slot[row]), float(self.distance[row]), products)
