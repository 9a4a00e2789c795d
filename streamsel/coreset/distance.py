"""The canonical distance between vectors, and exact nearest search with BLAS as a filter.

A matrix product rounds differently for different batch sizes, kernels and numbers of threads. So
products only *filter*: every candidate that they cannot rule out is compared again with the
canonical distance, ``sqrt(sum((x - y)^2))`` in float64, clipped to 2; ties go to the frame that
arrived first. Every decision is thus the same for any batching on any machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.frame import Vector, Vectors

FARTHEST = 2.0
"""The greatest distance between two unit vectors."""

UNIT_TOLERANCE = 1e-5
"""Allowed deviation of the squared norm of a unit vector from 1: ten times the float32 rounding."""

MARGIN = 3e-5
"""Bound of the error of ``2 - 2 x.y`` in float32 against the squared distance.

Twice the deviation of the norms, plus 4e-6 for rounding in a product of up to 2048 terms, with room
to spare."""

PAIRS_ELEMENTS = 1 << 20
"""Maximum number of float64 values held by one step of an exact comparison (8 MiB)."""


def are_unit(vectors: Vectors) -> npt.NDArray[np.bool_]:
    """Return which rows of ``vectors`` (N, D) are finite and of length 1, up to rounding.

    Returns (N,). False for a NaN, an infinity, a zero vector, or a vector that was never
    normalised. Cost O(N D).

    >>> are_unit(np.array([[0.6, 0.8], [0.0, 0.0], [np.nan, 1.0]], np.float32)).tolist()
    [True, False, False]
    """
    exact = vectors.astype(np.float64)
    # An infinity times zero may warn, but its row is refused.
    with np.errstate(invalid="ignore", over="ignore"):
        norms = np.einsum("nd,nd->n", exact, exact)  # (N,)
    # A NaN or an infinity makes the comparison false, so finiteness needs no test of its own.
    valid: npt.NDArray[np.bool_] = np.abs(norms - 1.0) <= UNIT_TOLERANCE
    return valid


def distances(rows: Vectors, others: Vectors | Vector) -> npt.NDArray[np.float64]:
    """Return the canonical distance of each of ``rows`` (N, D) to its row of ``others``.

    ``others`` is (N, D), or (D,) for one vector against all. Returns (N,) float64 in 0..2, clipped
    where rounding of the norms exceeds that. The value for a pair depends neither on the other rows
    nor on the order of the two. Cost O(N D).

    >>> distances(np.eye(2, dtype=np.float32), np.array([1.0, 0.0], np.float32)).round(4).tolist()
    [0.0, 1.4142]
    """
    gap = rows.astype(np.float64) - others  # (N, D)
    exact: npt.NDArray[np.float64] = np.minimum(np.sqrt((gap * gap).sum(axis=-1)), FARTHEST)
    return exact


def paired_distances(
    left: Vectors,
    left_index: npt.NDArray[np.intp],
    right: Vectors,
    right_index: npt.NDArray[np.intp],
) -> npt.NDArray[np.float64]:
    """Return the canonical distances of the pairs ``left[left_index]``, ``right[right_index]``.

    Both indices are (P,), and so is the result. Memory is bounded for any number of pairs.
    """
    step = max(1, PAIRS_ELEMENTS // left.shape[1])
    exact = np.empty(len(left_index), np.float64)
    for start in range(0, len(left_index), step):
        part = slice(start, start + step)
        exact[part] = distances(left[left_index[part]], right[right_index[part]])
    return exact


def nearest(
    products: npt.NDArray[np.float32],
    queries: Vectors,
    rows: Vectors,
    sequence: npt.NDArray[np.int64],
    factors: npt.NDArray[np.float64] | None = None,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Find the nearest of ``rows`` (N, D), N at least 1, for each of ``queries`` (B, D).

    ``products`` (B, N) are their dot products in float32, -inf for rows that must not be chosen;
    ``sequence`` (N,) is the order of arrival. Returns the index of the nearest row and its
    canonical distance, (B,) each; of equally near rows, the one that arrived first. With
    ``factors`` (B, N), in 0..1, the nearest is that of the smallest distance times its factor; the
    distance returned is the plain one. Cost: one pass over ``products``, and O(D) for each row
    within ``MARGIN`` of being the nearest.
    """
    if factors is None:
        best = products.max(axis=1, keepdims=True)  # (B, 1)
        # MARGIN is on squared distances, of which a product makes up half.
        query, row = np.nonzero(products >= best - MARGIN / 2)  # (P,) each, P >= B
    else:
        squared = np.square(factors) * (2.0 - 2.0 * products)  # (B, N)
        query, row = np.nonzero(squared <= squared.min(axis=1, keepdims=True) + MARGIN)
    exact = paired_distances(queries, query, rows, row)  # (P,)
    if len(query) == len(queries):
        return row, exact
    weighted = exact if factors is None else exact * factors[query, row]
    ranking = np.lexsort((sequence[row], weighted, query))  # (P,)
    first = ranking[np.flatnonzero(np.diff(query, prepend=-1))]  # (B,)
    return row[first], exact[first]
