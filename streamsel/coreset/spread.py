"""Farthest-first traversal by weighted distance, with a spread in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsel.coreset.assign import Distances, Indices, reach
from streamsel.coreset.bursts import SHARE_OF_GAP
from streamsel.coreset.distance import FARTHEST, paired_distances
from streamsel.coreset.values import BurstLimit
from streamsel.frame import Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """What is known of N frames besides their vectors, (N,) each.

    ``weights`` are in 0..1, ``feeds`` the numbers of their feeds, ``times`` in seconds; ``limited``
    says where the limit on bursts holds.
    """

    weights: npt.NDArray[np.float64]
    feeds: npt.NDArray[np.int64]
    times: npt.NDArray[np.float64]
    limited: npt.NDArray[np.bool_]

    def stretch(self, limit: BurstLimit, count: int) -> float:
        """Return the length of a burst, in seconds, if ``count`` frames are kept.

        That is the limit's own or, as for a coreset, a share of the mean gap between kept frames:
        here of the length of all feeds together, divided by ``count``.
        """
        if limit.seconds is not None:
            return limit.seconds
        lengths = [float(np.ptp(self.times[self.feeds == feed])) for feed in np.unique(self.feeds)]
        return SHARE_OF_GAP * sum(lengths) / count


def spread_first(
    vectors: Vectors,
    scenes: Scenes,
    count: int,
    limit: BurstLimit | None,
    *,
    min_distance: float = 0.0,
) -> Indices:
    """Choose at most ``count`` of the unit ``vectors`` (N, D), each time the farthest one.

    Farthest by the distance times the greater of the two weights. Of a burst only as many are
    chosen as ``limit`` allows, until no other vector is left; the rest is chosen without it, so
    that recordings with long pauses reach ``count`` too. All chosen vectors are farther apart than
    ``min_distance`` by plain distance. Starts at position 0; ties go to the lower position. Returns
    (C,) positions in the order of choice. O(N count D) time, O(N) memory besides the vectors.

    >>> line = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
    >>> seconds, one = np.array([0.0, 9.0, 5.0, 5.1]), np.ones(4)
    >>> scenes = Scenes(one, np.zeros(4, np.int64), seconds, one > 0)
    >>> spread_first(line, scenes, 3, BurstLimit(1, 1.0)).tolist()
    [0, 3, 1]
    """
    if not len(vectors):
        return np.empty(0, np.intp)
    weighted = _Nearest(vectors, scenes.weights)
    plain = _Nearest(vectors, np.ones(len(vectors))) if min_distance else weighted
    crowd = np.zeros(len(vectors), np.int64)
    stretch = 0.0 if limit is None else scenes.stretch(limit, count)
    chosen, position = [], 0
    while True:
        chosen.append(position)
        weighted.add(position)
        if plain is not weighted:
            plain.add(position)
        crowd += (
            scenes.limited
            & (scenes.feeds == scenes.feeds[position])
            & (np.abs(scenes.times - scenes.times[position]) < stretch)
        )
        far = np.where(plain.distances > min_distance, weighted.distances, -1.0)
        if len(chosen) == count or far.max() < 0.0:
            return np.array(chosen, np.intp)
        free = far if limit is None else np.where(crowd < limit.most, far, -1.0)
        position = int((free if free.max() >= 0.0 else far).argmax())


class _Nearest:
    """The weighted distance of each vector to the nearest of a growing set."""

    def __init__(self, vectors: Vectors, weights: npt.NDArray[np.float64]) -> None:
        self.distances: Distances = np.full(len(vectors), np.inf)
        self._vectors = vectors
        self._weights = weights

    def add(self, center: int) -> None:
        """Add position ``center`` to the set."""
        products = self._vectors @ self._vectors[center]  # (N,)
        factors = np.maximum(self._weights, self._weights[center])
        within = np.minimum(self.distances / factors, FARTHEST)
        nearer = np.flatnonzero(products >= reach(within))
        centers = np.full(len(nearer), center)
        measured = paired_distances(self._vectors, nearer, self._vectors, centers)
        measured *= factors[nearer]
        self.distances[nearer] = np.minimum(self.distances[nearer], measured)
