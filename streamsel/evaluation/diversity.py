"""Measures diversity of a set of frames, and how well it covers all frames seen.

No decision depends on these figures, so sums may differ in the ninth digit between machines.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsel.coreset.assign import Distances, Indices, assign
from streamsel.coreset.distance import FARTHEST, paired_distances
from streamsel.frame import Vectors

EXACT_UP_TO = 5_000
"""Maximum size of a set with all pairs measured."""

_SAMPLED_PAIRS = 200_000
_SEED = 20_240_229
_BLOCK_ROWS = 256

# Squared distances from a float64 product have errors of some 1e-15. A value below this (distance
# 1e-6) may be an identical pair: it counts as 0, and the closest pair is measured exactly.
_UNSURE = 1e-12


@dataclass(frozen=True, slots=True)
class Pairwise:
    """L2 distances between the pairs of a set of ``count`` unit vectors.

    ``p10`` and ``p90`` are percentiles with linear interpolation. ``exact`` tells whether every
    pair was measured. If not, ``standard_error`` is that of ``mean`` (the true mean is within two
    of them 19 times out of 20), ``min`` is only an upper bound of the true one and ``max`` a lower
    bound. With fewer than two vectors there is no pair, and all figures are NaN.
    """

    count: int
    mean: float
    min: float
    max: float
    p10: float
    p90: float
    exact: bool
    standard_error: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """Distances of seen frames from their nearest kept ones: maximum, 99th percentile, mean."""

    radius: float
    p99: float
    mean: float


@dataclass(frozen=True, slots=True)
class Diversity:
    """The figures of one selection: pair distances of the kept set, and its coverage."""

    pairwise: Pairwise
    coverage: Coverage


def diversity(seen: Vectors, kept: Vectors) -> Diversity:
    """Measure ``kept`` (C, D) by itself and against ``seen`` (N, D)."""
    return Diversity(pairwise(kept), coverage(seen, kept))


def pairwise(vectors: Vectors) -> Pairwise:
    """Measure the distances between the pairs of ``vectors`` (N, D), unit length.

    Up to 5,000 vectors every pair is measured, within 1e-6 (the closest pair by the canonical
    distance, exactly 0 for identical vectors): O(N^2 D) time, N^2 / 2 float32 of memory, 50 MB at
    most. Above, 200,000 pairs are drawn with a fixed seed: the same vectors give the same figures.

    >>> found = pairwise(np.array([[1, 0], [0, 1], [-1, 0]], np.float32))
    >>> round(found.mean, 4), round(found.min, 4), found.max, found.exact
    (1.6095, 1.4142, 2.0, True)
    """
    if len(vectors) < 2:
        return Pairwise(len(vectors), *(math.nan,) * 5, exact=True, standard_error=0.0)
    if len(vectors) > EXACT_UP_TO:
        return _sampled(vectors)
    distances, closest = _all_pairs(vectors)
    return _summary(len(vectors), distances, closest, exact=True)


def coverage(seen: Vectors, kept: Vectors) -> Coverage:
    """Measure how far ``seen`` (N, D) is from ``kept`` (C, D), by the canonical distance.

    O(N C D) time in blocks; O(N) additional memory. NaN if nothing was seen, infinite if frames
    were seen and none kept.

    >>> coverage(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)[:1]).mean.__round__(4)
    0.7071
    """
    if len(seen) > 0 and len(kept) == 0:
        return Coverage(math.inf, math.inf, math.inf)
    return coverage_of(assign(seen, kept).distances)


def coverage_of(distances: Distances) -> Coverage:
    """Summarise the distances (N,) of seen frames from the kept set. NaN if there are none.

    For a stream too long to hold: measure it block by block and keep only the distances.
    """
    if len(distances) == 0:
        return Coverage(math.nan, math.nan, math.nan)
    return Coverage(
        radius=float(distances.max()),
        p99=float(np.percentile(distances, 99)),
        mean=float(distances.mean()),
    )


def _summary(
    count: int, distances: npt.NDArray[np.float32], closest: float, *, exact: bool
) -> Pairwise:
    """Summarise ``distances`` (P,), which are reordered in place to avoid a copy."""
    mean = float(distances.mean(dtype=np.float64))
    farthest = float(distances.max())
    p10, p90 = np.percentile(distances, [10, 90], overwrite_input=True)
    error = 0.0 if exact else float(distances.std(dtype=np.float64)) / math.sqrt(len(distances))
    return Pairwise(
        count, mean, closest, farthest, float(p10), float(p90), exact=exact, standard_error=error
    )


def _sampled(vectors: Vectors) -> Pairwise:
    """Measure pairs drawn at random, each of two different vectors."""
    random = np.random.default_rng(_SEED)
    left = random.integers(0, len(vectors), _SAMPLED_PAIRS)
    right = (left + random.integers(1, len(vectors), _SAMPLED_PAIRS)) % len(vectors)
    distances = paired_distances(vectors, left, vectors, right)
    closest = float(distances.min())
    return _summary(len(vectors), distances.astype(np.float32), closest, exact=False)


def _all_pairs(vectors: Vectors) -> tuple[npt.NDArray[np.float32], float]:
    """Return the distances of all pairs, (N (N - 1) / 2,), and the closest, canonical."""
    distances = np.empty(len(vectors) * (len(vectors) - 1) // 2, np.float32)
    closest, filled = np.inf, 0
    for rows, columns, squared in _blocks(vectors):
        least = float(squared.min())
        if least <= closest * closest + _UNSURE:
            close = np.flatnonzero(squared <= max(least, 0.0) + _UNSURE)
            closest = min(closest, _closest(vectors, rows[close], columns[close]))
        sure = np.minimum(np.where(squared < _UNSURE, 0, squared), FARTHEST**2)
        distances[filled : filled + len(squared)] = np.sqrt(sure)
        filled += len(squared)
    return distances, closest


def _closest(vectors: Vectors, rows: Indices, columns: Indices) -> float:
    """Return the smallest canonical distance of some pairs; stops at 0."""
    closest = np.inf
    for begin in range(0, len(rows), _BLOCK_ROWS):
        pairs = slice(begin, begin + _BLOCK_ROWS)
        found = paired_distances(vectors, rows[pairs], vectors, columns[pairs])
        closest = min(closest, float(found.min()))
        if closest == 0.0:
            break
    return closest


def _blocks(vectors: Vectors) -> Iterator[tuple[Indices, Indices, Distances]]:
    """Yield every pair once, in blocks: both positions and the squared distance."""
    exact = vectors.astype(np.float64)
    norms = np.einsum("nd,nd->n", exact, exact)
    for begin in range(0, len(vectors) - 1, _BLOCK_ROWS):
        end = min(begin + _BLOCK_ROWS, len(vectors))
        products = exact[begin:end] @ exact[begin:].T  # (B, N - begin)
        squared = norms[begin:end, np.newaxis] + norms[begin:] - 2.0 * products
        rows, columns = np.triu_indices(end - begin, 1, len(vectors) - begin)
        yield rows + begin, columns + begin, squared[rows, columns]
