from __future__ import annotations

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
