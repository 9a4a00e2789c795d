"""Exact nearest-center assignment, filtered by a float32 matrix product.

The product only filters. Every pair it cannot tell apart is measured again by the canonical
distance, so the answer depends neither on the block size nor on the number of BLAS threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsel.coreset.distance import MARGIN, nearest, paired_distances
from streamsel.frame import Vectors

Indices = npt.NDArray[np.intp]
"""(N,) positions in an array of vectors."""
Distances = npt.NDArray[np.float64]
"""(N,) L2 distances, 0..2 between unit vectors."""

_BLOCK_FLOATS = 1 << 22  # 16 MiB of float32 products at a time


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """The nearest center of each vector.

    ``nearest`` (N,) are positions among the centers, ties to the lower one; ``distances`` (N,) are
    canonical. Both are read-only.
    """

    nearest: Indices
    distances: Distances

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        self.nearest.flags.writeable = False
        self.distances.flags.writeable = False


def assign(vectors: Vectors, centers: Vectors) -> Assignment:
    """Find the nearest of ``centers`` (C, D) to each of ``vectors`` (N, D).

    Exact, ties to the lower position. Raises :class:`ValueError` when there is no center.
    O(N C D) time in one matrix product per block; memory is O(N + C D) and one block of 16 MiB.

    >>> found = assign(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[1:])
    >>> found.nearest.tolist(), found.distances.round(3).tolist()
    ([0, 0, 1], [1.414, 0.0, 0.0])
    """
    if len(centers) == 0:
        raise ValueError("nothing can be assigned: there is no center")
    found = np.empty(len(vectors), np.intp)
    closest = np.empty(len(vectors), np.float64)
    order = np.arange(len(centers), dtype=np.int64)
    step = max(1, _BLOCK_FLOATS // len(centers))
    for begin in range(0, len(vectors), step):
        block = slice(begin, begin + step)
        products = vectors[block] @ centers.T  # (B, C)
        found[block], closest[block] = nearest(products, vectors[block], centers, order)
    return Assignment(found, closest)


def reach(distance: Distances) -> npt.NDArray[np.float32]:
    """The float32 product below which two unit vectors are surely farther apart than ``distance``.

    >>> bool(0.99 < reach(np.array([0.0]))[0] < 1.0)
    True
    >>> reach(np.array([1.0, 2.0])).round(3).tolist()  # no lower than it must be
    [0.5, -1.0]
    """
    return (1.0 - (np.square(distance) + MARGIN) / 2).astype(np.float32)


class NearestCenter:
    """The nearest of a growing set of centers, for every vector of a fixed array.

    The centers are among the vectors. ``nearest`` (N,) is the center's own position in the array
    (-1 while there is none; ties to the lower) and ``distances`` (N,) its canonical distance (inf).
    """

    def __init__(self, vectors: Vectors) -> None:
        """Start without a center; ``vectors`` is (N, D)."""
        self.nearest: Indices = np.full(len(vectors), -1, np.intp)
        self.distances: Distances = np.full(len(vectors), np.inf)
        self._vectors = vectors
        # A vector may be nearer to a new center only if its product with it reaches this.
        self._reach = np.full(len(vectors), -np.inf, np.float32)

    def add(self, center: int) -> None:
        """Let position ``center`` be a center too.

        O(N D), one matrix-vector product; the canonical distance is taken of those vectors alone
        that come nearer, which over a whole traversal are few.
        """
        products = self._vectors @ self._vectors[center]  # (N,)
        nearer = np.flatnonzero(products >= self._reach)
        centers = np.full(len(nearer), center)
        measured = paired_distances(self._vectors, nearer, self._vectors, centers)
        before = self.distances[nearer]
        better = (measured < before) | ((measured == before) & (center < self.nearest[nearer]))
        rows = nearer[better]
        self.nearest[rows] = center
        self.distances[rows] = measured[better]
        self._reach[rows] = reach(measured[better])
