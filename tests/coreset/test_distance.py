from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset import distance
from streamsel.coreset.distance import are_unit, distances, nearest, paired_distances
from tests.coreset.orders import EXAMPLES, KINDS, order, streams


@pytest.mark.parametrize("dim", [3, 16, 129, 256, 1024])
def test_a_distance_depends_on_its_pair_alone(dim: int) -> None:
    vectors = order("random", 65, dim, seed=dim)
    together = distances(vectors, vectors[7])
    assert together.dtype == np.float64
    for row in range(len(vectors)):
        assert distances(vectors[row : row + 1], vectors[7])[0] == together[row]
        assert distances(vectors[7:8], vectors[row])[0] == together[row]
    assert together[7] == 0.0


def test_the_distance_is_euclidean() -> None:
    vectors = order("random", 40, 9, seed=1)
    norms = np.linalg.norm(vectors.astype(np.float64) - vectors[3], axis=1)
    np.testing.assert_allclose(distances(vectors, vectors[3]), norms, rtol=0, atol=1e-14)


def test_pairs_are_compared_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = order("random", 30, 8, seed=2)
    left, right = np.divmod(np.arange(900), 30)
    whole = paired_distances(vectors, left, vectors, right)
    monkeypatch.setattr(distance, "PAIRS_ELEMENTS", 56)
    assert np.array_equal(paired_distances(vectors, left, vectors, right), whole)


@EXAMPLES
@given(streams(), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_the_filter_never_changes_which_is_nearest(
    vectors: np.ndarray, queries: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    asked = vectors[random.integers(0, len(vectors), queries)]
    sequence = random.permutation(len(vectors)).astype(np.int64)
    slot, found = nearest(asked @ vectors.T, asked, vectors, sequence)
    for query, vector in enumerate(asked):
        exact = distances(vectors, vector)
        first = min(range(len(vectors)), key=lambda row: (exact[row], sequence[row]))
        assert (slot[query], found[query]) == (first, exact[first])


@pytest.mark.parametrize("kind", KINDS)
def test_normalised_vectors_are_unit(kind: str) -> None:
    assert are_unit(order(kind, 50, 12, seed=3)).all()


def test_what_is_not_a_unit_vector_is_told() -> None:
    bad = np.zeros((6, 4), np.float32)
    bad[1] = np.nan
    bad[2, 0] = np.inf
    bad[3, 0] = 1.001
    bad[4] = [1.0, np.inf, -np.inf, 0.0]
    bad[5, 0] = np.finfo(np.float32).max
    assert not are_unit(bad).any()


def test_opposite_vectors_are_two_apart_however_they_were_rounded() -> None:
    vectors = order("random", 300, 64, seed=4)
    apart = distances(vectors, -vectors)
    assert apart.max() == 2.0
    assert apart.min() > 2.0 - 1e-6
    rows = np.arange(len(vectors))
    assert paired_distances(vectors, rows, -vectors, rows).max() == 2.0


def uneven(angle: float, length: float) -> np.ndarray:
    """A vector in the plane, of a length that still counts as 1."""
    return (length * np.array([math.cos(angle), math.sin(angle)])).astype(np.float32)


def test_what_a_product_takes_for_nearest_is_measured_again() -> None:
    # A vector that is a little too long has the larger product, and is farther away all the same.
    near, far = uneven(math.pi / 2, 1 - 4e-6), uneven(-math.pi / 2 + 2e-6, 1 + 4e-6)
    rows = np.stack([far, near])
    query = np.array([[1.0, 0.0]], np.float32)
    assert are_unit(rows).all()
    products = query @ rows.T
    assert products[0, 0] > products[0, 1]
    slot, found = nearest(products, query, rows, np.arange(2))
    assert (slot[0], found[0]) == (1, distances(query, near)[0])
    assert found[0] < distances(query, far)[0]
