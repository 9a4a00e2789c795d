from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.distance import distances
from streamsel.evaluation import diversity as module
from streamsel.evaluation.diversity import Coverage, coverage, diversity, pairwise
from streamsel.frame import Vectors
from tests.coreset.test_greedy import EXAMPLES, clouds, unit


def all_distances(vectors: Vectors) -> np.ndarray:
    pairs = np.array([distances(vectors, vector) for vector in vectors])
    return pairs[np.triu_indices(len(vectors), 1)]


def check(vectors: Vectors) -> None:
    expected, found = all_distances(vectors), pairwise(vectors)
    assert found.count == len(vectors)
    assert found.exact
    assert found.standard_error == 0.0
    assert found.min == expected.min()
    assert found.mean == pytest.approx(expected.mean(), abs=1e-6)
    assert found.max == pytest.approx(expected.max(), abs=1e-6)
    assert found.p10 == pytest.approx(np.percentile(expected, 10), abs=1e-6)
    assert found.p90 == pytest.approx(np.percentile(expected, 90), abs=1e-6)


@EXAMPLES
@given(clouds())
def test_every_figure_equals_brute_force(vectors: Vectors) -> None:
    if len(vectors) > 1:
        check(vectors)


def test_figures_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(70, 5)))
    whole = pairwise(vectors)
    monkeypatch.setattr(module, "_BLOCK_ROWS", 7)
    check(vectors)
    assert pairwise(vectors).mean == pytest.approx(whole.mean, abs=1e-9)


def test_identical_vectors_are_exactly_zero_apart() -> None:
    random = np.random.default_rng(1)
    vectors = unit(random.normal(size=(300, 200)))
    vectors[250] = vectors[3]
    assert pairwise(vectors).min == 0.0
    same = pairwise(np.repeat(vectors[:1], 600, axis=0))
    assert (same.min, same.mean, same.max, same.p10, same.p90) == (0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("gap", [1e-6, 1e-5, 1e-4, 1e-3])
def test_near_equal_vectors_keep_their_distance(gap: float) -> None:
    """By 2 - 2 cos in float32 any of these would come out as zero or several times too large."""
    vectors = unit(np.random.default_rng(2).normal(size=(50, 128)))
    twin = vectors[20].astype(np.float64)
    twin[:2] += gap * np.array([-twin[1], twin[0]]) / np.hypot(*twin[:2])
    vectors[40] = unit(twin[None])[0]
    check(vectors)
    assert pairwise(vectors).min == pytest.approx(gap, rel=0.2)


def test_a_large_set_is_sampled_with_an_honest_error() -> None:
    random = np.random.default_rng(3)
    vectors = unit(np.abs(random.normal(size=(5200, 8))) * random.uniform(0.1, 2.0, size=(5200, 8)))
    sampled = pairwise(vectors)
    assert not sampled.exact
    assert sampled.count == 5200
    assert 0.0 < sampled.standard_error < 0.002
    assert sampled == pairwise(vectors)
    everything = np.concatenate([distances(vectors[i + 1 :], vectors[i]) for i in range(5199)])
    assert abs(sampled.mean - everything.mean()) < 4 * sampled.standard_error
    assert sampled.min >= everything.min()
    assert sampled.max <= everything.max()
    assert sampled.p10 == pytest.approx(np.percentile(everything, 10), abs=0.01)
    assert sampled.p90 == pytest.approx(np.percentile(everything, 90), abs=0.01)


@pytest.mark.parametrize("number", [0, 1])
def test_without_a_pair_there_is_no_distance(number: int) -> None:
    found = pairwise(np.eye(4, dtype=np.float32)[:number])
    assert found.count == number
    assert math.isnan(found.mean)
    assert math.isnan(found.min)


@EXAMPLES
@given(clouds(), st.integers(1, 10))
def test_coverage_equals_brute_force(vectors: Vectors, count: int) -> None:
    kept = vectors[:count]
    nearest = np.array([distances(kept, vector).min() for vector in vectors])
    found = coverage(vectors, kept)
    assert found.radius == nearest.max()
    assert found.p99 == np.percentile(nearest, 99)
    assert found.mean == pytest.approx(nearest.mean(), abs=1e-12)


def test_coverage_of_nothing_and_by_nothing() -> None:
    nothing = np.empty((0, 2), np.float32)
    assert coverage(np.eye(2, dtype=np.float32), nothing) == Coverage(*(math.inf,) * 3)
    assert math.isnan(coverage(nothing, np.eye(2, dtype=np.float32)).radius)


def test_diversity_measures_the_kept_and_how_they_cover_the_seen() -> None:
    vectors = unit(np.random.default_rng(4).normal(size=(60, 4)))
    found = diversity(vectors, vectors[:6])
    assert found.pairwise == pairwise(vectors[:6])
    assert found.coverage == coverage(vectors, vectors[:6])
    assert found.coverage.p99 <= found.coverage.radius
