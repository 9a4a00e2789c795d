"""Farthest-first traversal (Gonzalez): the offline k-center baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsel.coreset.assign import Distances, Indices, NearestCenter
from streamsel.coreset.distance import paired_distances
from streamsel.frame import Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Traversal:
    """A farthest-first traversal: the chosen vectors in order of choice, and what they cover.

    ``indices`` (C,) are the positions of the chosen vectors; ``distances`` (C,) their distances
    from those chosen before (inf for the first), never rising. ``nearest`` (N,) is the position of
    the chosen vector nearest to each vector, ties to the lower, and ``nearest_distances`` (N,) the
    distance to it. Distances are canonical, arrays read-only.
    """

    indices: Indices
    distances: Distances
    nearest: Indices
    nearest_distances: Distances

    @property
    def radius(self) -> float:
        """Coverage radius: the largest distance of any vector from its nearest chosen one."""
        return float(self.nearest_distances.max(initial=0.0))

    @property
    def spacing(self) -> float:
        """Distance of the closest chosen pair; inf if fewer than two are chosen."""
        return float(self.distances.min(initial=np.inf))


def farthest_first(
    vectors: Vectors, count: int, *, start: int = 0, min_distance: float = 0.0
) -> Traversal:
    """Choose at most ``count`` of the unit ``vectors`` (N, D), each time the farthest one.

    Starts at position ``start`` and stops early if no vector is farther than ``min_distance`` from
    the chosen ones; exact duplicates are never chosen twice. Ties go to the lower position. The
    result does not depend on the number of BLAS threads.

    With k chosen, the radius is at most twice the smallest radius of any k centers (Gonzalez 1985,
    "Clustering to minimize the maximum intercluster distance"), and the closest pair is at least
    half as far apart as that of any k of the vectors (Ravi, Rosenkrantz, Tayi 1994, "Heuristic and
    special case algorithms for dispersion problems"): k of them share k - 1 balls of that radius.
    Unless P = NP, no polynomial algorithm achieves a factor below 2 for either in every metric.

    Raises :class:`ValueError` if ``count`` is below 1 or ``start`` is not a position. O(N count D)
    time, O(N) memory besides the vectors.

    >>> line = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
    >>> found = farthest_first(line, 2)
    >>> found.indices.tolist(), found.spacing, round(found.radius, 3)
    ([0, 3], 2.0, 1.414)
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1")
    if len(vectors) and not 0 <= start < len(vectors):
        raise ValueError(f"start is {start}; there are {len(vectors)} vectors")
    state = NearestCenter(vectors)
    chosen: list[int] = []
    chosen_at: list[float] = []
    position, distance = start, np.inf
    while len(chosen) < min(count, len(vectors)) and distance > min_distance:
        chosen.append(position)
        chosen_at.append(distance)
        state.add(position)
        position = int(state.distances.argmax())
        distance = float(state.distances[position])
    return _traversal(chosen, chosen_at, state)


def arrange(vectors: Vectors, chosen: Indices) -> Traversal:
    """Return any set of ``chosen`` positions of ``vectors`` (N, D) as a traversal.

    The lowest position comes first, then each time the farthest of the rest, so ``radius`` and
    ``spacing`` are those of the set. ``chosen`` must not hold two equal vectors. O(N C D).
    """
    members = np.sort(chosen)
    order = farthest_first(vectors[members], max(1, len(members)))
    state = NearestCenter(vectors)
    for position in members:
        state.add(int(position))
    return _traversal(members[order.indices].tolist(), order.distances.tolist(), state)


def starts(vectors: Vectors, count: int) -> Indices:
    """Return at most ``count`` distinct positions that are good starts of a traversal.

    These are the first vector, the one farthest from it, those farthest from and nearest to the
    mean, then evenly spaced positions. Depends on the vectors only. O(N D).
    """
    if len(vectors) == 0:
        return np.empty(0, np.intp)
    everyone = np.arange(len(vectors))
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)[np.newaxis]  # (1, D)
    from_first = paired_distances(vectors, everyone, vectors, np.zeros_like(everyone))
    from_mean = paired_distances(vectors, everyone, mean, np.zeros_like(everyone))
    spread = np.linspace(0, len(vectors) - 1, count + 1, dtype=np.intp)[1:]
    wanted = [0, from_first.argmax(), from_mean.argmax(), from_mean.argmin(), *spread]
    return np.array(list(dict.fromkeys(int(position) for position in wanted))[:count], np.intp)


def _traversal(chosen: list[int], chosen_at: list[float], state: NearestCenter) -> Traversal:
    arrays = (
        np.array(chosen, np.intp),
        np.array(chosen_at, np.float64),
        state.nearest.copy(),
        state.distances.copy(),
    )
    for array in arrays:
        array.flags.writeable = False
    return Traversal(*arrays)
