"""Exact nearest-center assignment, filtered by a float32 matrix product.

The product is only a filter. Every pair that it cannot separate is measured again with the
canonical distance, so the result depends neither on the block size nor on the number of BLAS
threads.
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
    canonical distances. Both are read-only.
    """

    nearest: Indices
    distances: Distances

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        self.nearest.flags.writeable = False
        self.distances.flags.writeable = False


def assign(vectors: Vectors, centers: Vectors) -> Assignment:
    """Find the nearest of ``centers`` (C, D) for each of ``vectors`` (N, D).

    Exact; ties go to the lower position. Raises :class:`ValueError` if there is no center. Cost:
    O(N C D) time, one matrix product per block; O(N + C D) memory plus one block of 16 MiB.

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
    """Return the float32 product below which vectors are surely farther apart than ``distance``.

    >>> bool(0.99 < reach(np.array([0.0]))[0] < 1.0)
    True
    >>> reach(np.array([1.0, 2.0])).round(3).tolist()  # no lower than it must be
    [0.5, -1.0]
    """
    return (1.0 - (np.square(distance) + MARGIN) / 2).astype(np.float32)


class NearestCenter:
    """The nearest of a growing set of centers, for each vector of a fixed array.

    The centers are vectors of the array. ``nearest`` (N,) are their positions in the array (-1
    while there is no center; ties to the lower position), ``distances`` (N,) the canonical
    distances (inf while there is no center).
    """

    def __init__(self, vectors: Vectors) -> None:
        """Start without a center; ``vectors`` is (N, D)."""
        self.nearest: Indices = np.full(len(vectors), -1, np.intp)
        self.distances: Distances = np.full(len(vectors), np.inf)
        self._vectors = vectors
        # A vector may be nearer to a new center only if its product with it reaches this.
        self._reach = np.full(len(vectors), -np.inf, np.float32)

    def add(self, center: int) -> None:
        """Make position ``center`` a center.

        O(N D), one matrix-vector product. The canonical distance is computed only for vectors that
        the product cannot rule out; over a whole traversal these are few.
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
