from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.coreset import refine
from streamsel.coreset.assign import NearestCenter, assign
from streamsel.coreset.distance import distances
from streamsel.coreset.greedy import Traversal, arrange, farthest_first, starts
from streamsel.coreset.refine import best_of_starts
from streamsel.frame import Vectors

EXAMPLES = settings(deadline=None, max_examples=40)


def unit(rows: np.ndarray) -> Vectors:
    rows = rows.astype(np.float64)
    vectors: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return vectors


@st.composite
def clouds(draw: st.DrawFn, most: int = 120) -> Vectors:
    """Random, clustered, drifting or heavily duplicated unit vectors."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    number, dim = draw(st.integers(1, most)), draw(st.integers(2, 24))
    kind = draw(st.sampled_from(["random", "clusters", "drift", "duplicates"]))
    if kind == "random":
        return unit(random.normal(size=(number, dim)))
    if kind == "drift":
        return unit(1.0 + random.normal(size=(number, dim)).cumsum(axis=0))
    centers = unit(random.normal(size=(5, dim)))
    picked = centers[random.integers(0, 5, number)]
    if kind == "duplicates":
        return picked
    return unit(picked + 0.05 * random.normal(size=(number, dim)))


def table(vectors: Vectors) -> np.ndarray:
    return np.array([distances(vectors, vector) for vector in vectors])  # (N, N)


def gonzalez(vectors: Vectors, count: int, start: int, min_distance: float) -> list[int]:
    """Farthest first as the paper has it, from the full table of canonical distances."""
    pairs = table(vectors)
    chosen, near = [start], pairs[start]
    while len(chosen) < min(count, len(vectors)) and near.max() > min_distance:
        chosen.append(int(near.argmax()))
        near = np.minimum(near, pairs[chosen[-1]])
    return chosen


def spacing_of(pairs: np.ndarray, chosen: tuple[int, ...]) -> float:
    return min(float(pairs[i, j]) for i, j in combinations(chosen, 2))


def check(vectors: Vectors, found: Traversal) -> None:
    """The traversal says of its own set what brute force says of it."""
    pairs = table(vectors)
    chosen = found.indices
    assert len(set(chosen.tolist())) == len(chosen)
    assert np.array_equal(found.nearest_distances, pairs[:, chosen].min(axis=1))
    lowest = [min(c for c in chosen if row[c] == row[chosen].min()) for row in pairs]
    assert found.nearest.tolist() == lowest
    assert found.radius == pairs[:, chosen].min(axis=1).max()
    assert found.distances[0] == np.inf
    if len(chosen) > 1:
        assert found.spacing == spacing_of(pairs, tuple(chosen.tolist()))
        assert (np.diff(found.distances) <= 0).all()


@EXAMPLES
@given(clouds(), st.integers(1, 30), st.data(), st.sampled_from([0.0, 0.3]))
def test_traversal_equals_the_definition(
    vectors: Vectors, count: int, data: st.DataObject, min_distance: float
) -> None:
    start = data.draw(st.integers(0, len(vectors) - 1))
    found = farthest_first(vectors, count, start=start, min_distance=min_distance)
    assert found.indices.tolist() == gonzalez(vectors, count, start, min_distance)
    check(vectors, found)
    assert len(found.indices) == 1 or found.spacing > min_distance


@EXAMPLES
@given(clouds(most=11), st.integers(2, 4))
def test_radius_and_spacing_are_within_twice_the_optimum(vectors: Vectors, count: int) -> None:
    plain, refined = farthest_first(vectors, count), best_of_starts(vectors, count)
    if len(plain.indices) < count:
        assert plain.radius == refined.radius == 0.0
        return
    pairs = table(vectors)
    sets = list(combinations(range(len(vectors)), count))
    optimum = min(float(pairs[:, chosen].min(axis=1).max()) for chosen in sets)
    widest = max(spacing_of(pairs, chosen) for chosen in sets)
    assert plain.radius <= 2 * optimum + 1e-9
    assert refined.radius <= 2.04 * optimum + 1e-9
    assert widest <= 2 * plain.spacing + 1e-9
    assert widest <= 2 * refined.spacing + 1e-9


@EXAMPLES
@given(clouds(), st.integers(1, 30))
def test_the_radius_is_the_spacing_of_one_more(vectors: Vectors, count: int) -> None:
    """So half of it is a lower bound of what any ``count`` centers reach."""
    found = farthest_first(vectors, count)
    more = farthest_first(vectors, count + 1)
    if len(more.indices) > count:
        assert more.spacing == found.radius


def test_ties_go_to_the_lower_position() -> None:
    square = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [1, 0]], np.float32)
    found = farthest_first(square, 4)
    assert found.indices.tolist() == [0, 2, 1, 3]
    assert found.nearest.tolist() == [0, 1, 2, 3, 0]


def test_a_traversal_ends_at_exact_duplicates_and_at_the_least_distance() -> None:
    vectors = unit(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.001], [0.0, 1.0]]))
    assert farthest_first(vectors, 4).indices.tolist() == [0, 3, 2]
    assert farthest_first(vectors, 4, min_distance=0.01).indices.tolist() == [0, 3]


def test_differences_that_float32_products_cannot_see_are_decided_exactly() -> None:
    base = unit(np.random.default_rng(5).normal(size=(1, 64)))
    vectors = np.repeat(base, 40, axis=0)
    vectors[np.arange(1, 40), np.arange(1, 40)] += np.float32(2e-5) * np.arange(1, 40)
    vectors = unit(vectors)
    by_product = 2 - 2 * (vectors @ vectors[0])
    assert not np.allclose(by_product, np.square(distances(vectors, vectors[0])), rtol=0.01, atol=0)
    for count in (2, 5, 20):
        assert farthest_first(vectors, count).indices.tolist() == gonzalez(vectors, count, 0, 0.0)


def test_an_empty_set_and_wrong_arguments() -> None:
    nothing = farthest_first(np.empty((0, 4), np.float32), 3)
    assert len(nothing.indices) == 0
    assert nothing.radius == 0.0
    assert len(starts(np.empty((0, 4), np.float32), 3)) == 0
    with pytest.raises(ValueError, match="count is 0"):
        farthest_first(np.eye(2, dtype=np.float32), 0)
    with pytest.raises(ValueError, match="start is 2"):
        farthest_first(np.eye(2, dtype=np.float32), 1, start=2)


def test_a_traversal_cannot_be_written_to() -> None:
    found = farthest_first(np.eye(3, dtype=np.float32), 2)
    for array in (found.indices, found.distances, found.nearest, found.nearest_distances):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@EXAMPLES
@given(clouds(), st.integers(1, 20))
def test_a_set_arranged_is_the_same_set(vectors: Vectors, count: int) -> None:
    chosen = farthest_first(vectors, count, start=len(vectors) - 1).indices
    found = arrange(vectors, chosen)
    assert sorted(found.indices.tolist()) == sorted(chosen.tolist())
    assert found.indices[0] == chosen.min()
    check(vectors, found)


@EXAMPLES
@given(clouds(), st.integers(1, 20))
def test_starts_are_distinct_and_begin_with_the_first(vectors: Vectors, count: int) -> None:
    found = starts(vectors, count).tolist()
    assert found[0] == 0
    assert len(found) == len(set(found)) <= count
    assert all(0 <= position < len(vectors) for position in found)


@EXAMPLES
@given(clouds(), st.integers(1, 30), st.sampled_from([0.0, 0.2]), st.sampled_from([0.0, 0.02]))
def test_refining_never_loses(
    vectors: Vectors, count: int, min_distance: float, slack: float
) -> None:
    plain = farthest_first(vectors, count, min_distance=min_distance)
    found = best_of_starts(vectors, count, min_distance=min_distance, radius_slack=slack)
    assert len(found.indices) == len(plain.indices)
    assert found.spacing >= plain.spacing
    assert found.radius <= (1 + slack) * plain.radius + 1e-12
    check(vectors, found)
    again = best_of_starts(vectors, count, min_distance=min_distance, radius_slack=slack)
    assert np.array_equal(found.indices, again.indices)


def all_but_mirrored(seed: int) -> Vectors:
    """Points in a plane, too long, and the same in another one, too short and all but alike."""
    random = np.random.default_rng(seed)
    plane = random.normal(size=(random.integers(3, 6), 2))
    plane /= np.linalg.norm(plane, axis=1, keepdims=True)
    nothing = np.zeros_like(plane)
    turned = np.hstack([nothing, plane]) + random.normal(size=(len(plane), 4)) * 1e-6
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    both = [np.hstack([plane, nothing]) * (1 + 4e-6), turned * (1 - 4e-6)]
    return np.concatenate(both).astype(np.float32)


def test_refining_never_loses_by_pairs_that_products_cannot_tell_apart() -> None:
    for seed in range(210, 240):
        vectors = all_but_mirrored(seed)
        for count in range(3, len(vectors)):
            plain = farthest_first(vectors, count)
            assert best_of_starts(vectors, count).spacing >= plain.spacing, (seed, count)


def test_refining_widens_the_closest_pair_of_ordinary_sets() -> None:
    random = np.random.default_rng(0)
    gains = []
    for _ in range(12):
        vectors = unit(1.0 + random.normal(size=(150, 8)).cumsum(axis=0))
        gains.append(best_of_starts(vectors, 12).spacing / farthest_first(vectors, 12).spacing)
    assert np.exp(np.mean(np.log(gains))) > 1.02


def test_sets_too_large_are_not_refined(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(np.random.default_rng(1).normal(size=(100, 6)))
    plain = farthest_first(vectors, 10)
    assert not np.array_equal(best_of_starts(vectors, 10).indices, plain.indices)
    monkeypatch.setattr(refine, "REFINED_PAIRS", 1000)
    assert np.array_equal(best_of_starts(vectors, 10).indices, plain.indices)


@EXAMPLES
@given(clouds(), st.integers(1, 20), st.data())
def test_assignment_equals_brute_force(vectors: Vectors, count: int, data: st.DataObject) -> None:
    rows = st.integers(0, len(vectors) - 1)
    centers = vectors[data.draw(st.lists(rows, min_size=1, max_size=count))]
    pairs = np.array([distances(centers, vector) for vector in vectors])
    found = assign(vectors, centers)
    assert np.array_equal(found.nearest, pairs.argmin(axis=1))
    assert np.array_equal(found.distances, pairs.min(axis=1))


def test_assignment_in_blocks_equals_assignment_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(np.random.default_rng(3).normal(size=(50, 5)))
    whole = assign(vectors, vectors[::7])
    monkeypatch.setattr("streamsel.coreset.assign._BLOCK_FLOATS", 20)
    parts = assign(vectors, vectors[::7])
    assert np.array_equal(whole.nearest, parts.nearest)
    assert np.array_equal(whole.distances, parts.distances)


def test_nothing_is_assigned_without_a_center() -> None:
    with pytest.raises(ValueError, match="no center"):
        assign(np.eye(2, dtype=np.float32), np.empty((0, 2), np.float32))


@EXAMPLES
@given(clouds(), st.data())
def test_nearest_does_not_depend_on_the_order_of_the_centers(
    vectors: Vectors, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(min(8, len(vectors)))))
    ascending, shuffled = NearestCenter(vectors), NearestCenter(vectors)
    for center in sorted(order):
        ascending.add(center)
    for center in order:
        shuffled.add(center)
    assert np.array_equal(ascending.nearest, shuffled.nearest)
    assert np.array_equal(ascending.distances, shuffled.distances)


def test_a_center_that_products_take_for_too_far_is_measured() -> None:
    side = np.float32(np.sqrt(0.75))
    vectors = np.array([[1.0, 0.0], [0.5, side], [0.5, -side]], np.float32)
    vectors[2] *= np.float32(1 - 4e-6)  # the shorter is nearer, though its product is smaller
    state = NearestCenter(vectors)
    state.add(1)
    state.add(2)
    assert float(vectors[0] @ vectors[2]) < float(vectors[0] @ vectors[1])
    assert state.nearest[0] == 2
