"""Refines farthest-first sets offline: several starts, then swaps that widen the closest pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsel.coreset.assign import Assignment, Indices, reach
from streamsel.coreset.distance import MARGIN, nearest, paired_distances
from streamsel.coreset.greedy import Traversal, arrange, farthest_first, starts
from streamsel.frame import Vectors

REFINED_PAIRS = 4_000_000
"""Number of vectors times number of centers from which on sets are not refined."""

_FEWEST_STARTS, _MOST_STARTS = 4, 16
_START_MULTIPLICATIONS = 4_000_000_000  # small sets afford more starts within the same time
_SWAP_MULTIPLICATIONS = 2_000_000_000  # bounds the swaps of one start to about a second


def best_of_starts(
    vectors: Vectors, count: int, *, min_distance: float = 0.0, radius_slack: float = 0.02
) -> Traversal:
    """Choose at most ``count`` of ``vectors`` (N, D), farther apart than one traversal achieves.

    Traverses from several starts and improves each set by swaps: one vector of the closest pair
    leaves, the vector farthest from the rest enters, as long as that widens the closest pair.
    Returns the set with the widest closest pair (ties: the smaller radius, then the earlier start).
    Compared with ``farthest_first(vectors, count)`` the closest pair is never nearer, the set is
    never smaller, and the radius is at most ``1 + radius_slack`` times as large, hence at most ``2
    * (1 + radius_slack)`` times the optimum. Deterministic.

    From N * count = 4,000,000 on, the plain traversal is returned. Below that the cost is 4 to 16
    traversals, fewer for larger sets, each with a bounded number of swaps; memory is N * count
    floats.
    """
    best = farthest_first(vectors, count, min_distance=min_distance)
    size, radius_limit = len(best.indices), (1.0 + radius_slack) * best.radius
    # Fewer than count: all the others are within min_distance, which needs no improvement.
    if not 1 < size == count < len(vectors) or len(vectors) * count >= REFINED_PAIRS:
        return best
    affordable = _START_MULTIPLICATIONS // (count * vectors.size)
    for start in starts(vectors, min(max(_FEWEST_STARTS, affordable), _MOST_STARTS)):
        begun = farthest_first(vectors, count, start=int(start), min_distance=min_distance)
        if len(begun.indices) < size or begun.radius > radius_limit:
            continue
        swaps = _Swaps(vectors, begun.indices, radius_limit)
        swaps.run()
        if (swaps.spacing, -swaps.radius) > (best.spacing, -best.radius):
            best = arrange(vectors, swaps.chosen)
    return best


@dataclass(frozen=True, slots=True)
class _Swap:
    """A swap: ``slot``'s vector leaves, ``entering`` enters, ``gain`` away from the rest."""

    slot: int
    entering: int
    gain: float


class _Swaps:
    """A chosen set under local search; a slot is a place in the set."""

    def __init__(self, vectors: Vectors, chosen: Indices, radius_limit: float) -> None:
        self._vectors = vectors
        self._radius_limit = radius_limit
        self._chosen = chosen.copy()
        self._products = vectors @ vectors[chosen].T  # (N, C), only ever a filter
        found = self._nearest(np.arange(len(vectors)), np.arange(len(chosen)))
        self._slots, self._distances = found.nearest.copy(), found.distances.copy()

    @property
    def chosen(self) -> Indices:
        """The positions in the set, by slot."""
        return self._chosen

    @property
    def radius(self) -> float:
        """The largest distance of any vector from the set."""
        return float(self._distances.max())

    @property
    def spacing(self) -> float:
        """The distance of the closest pair of the set."""
        return self._closest_pair()[2]

    def run(self) -> None:
        """Swap while that widens the closest pair, up to a bounded number of swaps."""
        size = len(self._chosen)
        cost = self._vectors.size + size * size
        for _ in range(min(2 * size, _SWAP_MULTIPLICATIONS // cost)):
            *pair, spacing = self._closest_pair()
            swaps = sorted((self._without(slot) for slot in pair), key=lambda swap: -swap.gain)
            if not any(swap.gain > spacing and self._apply(swap) for swap in swaps):
                break

    def _nearest(self, rows: Indices, slots: Indices) -> Assignment:
        """Return the nearest of ``slots`` to each of ``rows``; ``nearest`` indexes ``slots``."""
        products = self._products[np.ix_(rows, slots)]
        centers = self._vectors[self._chosen[slots]]
        return Assignment(*nearest(products, self._vectors[rows], centers, slots))

    def _closest_pair(self) -> tuple[int, int, float]:
        """Return the two slots of the closest pair, ties to the lower, and their distance."""
        products = self._products[self._chosen]  # (C, C)
        products[np.tril_indices(len(products))] = -np.inf
        left, right = np.nonzero(products >= products.max() - MARGIN)
        measured = paired_distances(
            self._vectors, self._chosen[left], self._vectors, self._chosen[right]
        )
        first = int(measured.argmin())
        return int(left[first]), int(right[first]), float(measured[first])

    def _without(self, slot: int) -> _Swap:
        """Find what would enter if ``slot`` were free: the vector farthest from the other slots."""
        distances = self._distances.copy()
        orphans, found = self._orphans(slot)
        distances[orphans] = found.distances
        entering = int(distances.argmax())
        return _Swap(slot, entering, float(distances[entering]))

    def _orphans(self, slot: int) -> tuple[Indices, Assignment]:
        """Return the vectors with ``slot`` as nearest slot, and the nearest other slot of each."""
        orphans = np.flatnonzero(self._slots == slot)
        others = np.delete(np.arange(len(self._chosen)), slot)
        found = self._nearest(orphans, others)
        return orphans, Assignment(others[found.nearest], found.distances)

    def _apply(self, swap: _Swap) -> bool:
        """Apply ``swap`` and return True, unless the radius would exceed its limit."""
        vectors, entering = self._vectors, swap.entering
        slots, distances = self._slots.copy(), self._distances.copy()
        orphans, found = self._orphans(swap.slot)
        slots[orphans], distances[orphans] = found.nearest, found.distances
        products = vectors @ vectors[entering]  # (N,)
        nearer = np.flatnonzero(products >= reach(distances))
        measured = paired_distances(vectors, nearer, vectors, np.full(len(nearer), entering))
        better = measured < distances[nearer]
        slots[nearer[better]], distances[nearer[better]] = swap.slot, measured[better]
        if distances.max() > self._radius_limit:
            return False
        self._chosen[swap.slot] = entering
        self._products[:, swap.slot] = products
        self._slots, self._distances = slots, distances
        return True
