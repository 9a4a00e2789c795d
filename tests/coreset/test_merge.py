from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.assign import assign
from streamsel.coreset.distance import distances
from streamsel.coreset.greedy import farthest_first
from streamsel.coreset.merge import Merged, Part, merge
from streamsel.frame import FrameKey, Vectors
from tests.coreset.test_greedy import EXAMPLES, clouds, unit


def cut(vectors: Vectors, count: int, parts: int) -> list[Part[FrameKey]]:
    """The farthest-first coresets of ``parts`` consecutive parts."""
    found = []
    for number, rows in enumerate(np.array_split(np.arange(len(vectors)), parts)):
        chosen = rows[farthest_first(vectors[rows], count).indices]
        keys = [FrameKey(f"camera{number}", int(row)) for row in chosen]
        found.append(Part(keys, vectors[chosen]))
    return found


def outcome(merged: Merged[FrameKey]) -> tuple[object, ...]:
    return merged.keys, merged.kept, merged.vectors.tobytes(), merged.traversal.radius


@EXAMPLES
@given(clouds(), st.integers(1, 10), st.integers(1, 6), st.data())
def test_the_order_of_the_parts_does_not_matter(
    vectors: Vectors, count: int, number: int, data: st.DataObject
) -> None:
    parts = cut(vectors, count, number)
    shuffled = data.draw(st.permutations(parts))
    assert outcome(merge(parts, count)) == outcome(merge(shuffled, count))


@EXAMPLES
@given(clouds(), st.integers(1, 10))
def test_the_order_within_a_part_does_not_matter(vectors: Vectors, count: int) -> None:
    (part,) = cut(vectors, count, 1)
    reverse = Part(part.keys[::-1], part.vectors[::-1])
    assert outcome(merge([part], count)) == outcome(merge([reverse, part], count))


@EXAMPLES
@given(clouds(), st.integers(1, 10), st.integers(1, 6))
def test_everything_seen_is_within_the_two_radii(vectors: Vectors, count: int, number: int) -> None:
    merged = merge(cut(vectors, count, number), count)
    assert len(merged.kept) <= count
    radius = assign(vectors, merged.vectors[merged.traversal.indices]).distances.max()
    parts = [rows for rows in np.array_split(vectors, number) if len(rows)]
    widest = max(farthest_first(rows, count).radius for rows in parts)
    assert radius <= widest + merged.traversal.radius + 1e-9
    # Farthest first over everything reaches at least the optimum, and each of the two at most
    # twice it.
    whole = farthest_first(vectors, count).radius
    assert widest <= 2 * whole + 1e-9
    assert merged.traversal.radius <= 2 * whole + 1e-9


def test_four_times_the_optimum_against_brute_force() -> None:
    random = np.random.default_rng(7)
    for _ in range(40):
        vectors = unit(random.normal(size=(12, 3)))
        merged = merge(cut(vectors, 3, 3), 3)
        radius = assign(vectors, merged.vectors[merged.traversal.indices]).distances.max()
        optimum = min(
            assign(vectors, vectors[list(chosen)]).distances.max()
            for chosen in combinations(range(12), 3)
        )
        assert radius <= 4 * optimum + 1e-9


def test_losers_are_told_who_stands_for_them() -> None:
    vectors = unit(np.random.default_rng(2).normal(size=(20, 4)))
    merged = merge(cut(vectors, 5, 4), 5)
    traversal = merged.traversal
    assert len(merged.kept) == 5
    for position, key in enumerate(merged.keys):
        by = merged.keys[traversal.nearest[position]]
        assert by in merged.kept
        assert (by == key) == (key in merged.kept)
        apart = distances(merged.vectors[[position]], merged.vectors[traversal.nearest[position]])
        assert apart[0] == traversal.nearest_distances[position]


def test_a_key_in_several_parts_counts_once() -> None:
    part = Part(["a", "b"], np.eye(2, dtype=np.float32))
    assert merge([part, part], 2).keys == ("a", "b")


def test_min_distance_holds_between_the_parts() -> None:
    west = Part(["w"], unit(np.array([[1.0, 0.0]])))
    east = Part(["e1", "e2"], unit(np.array([[1.0, 0.05], [0.0, 1.0]])))
    assert merge([west, east], 3).kept == ("e1", "e2", "w")
    assert merge([west, east], 3, min_distance=0.1).kept == ("e1", "e2")


def test_nothing_merges_to_nothing() -> None:
    assert merge([], 3).kept == ()
    assert merge([Part([], np.empty((0, 4), np.float32))], 3).kept == ()


def test_what_cannot_be_merged_is_named() -> None:
    one = Part(["a"], np.eye(2, dtype=np.float32)[:1])
    with pytest.raises(ValueError, match="a has two different vectors"):
        merge([one, Part(["a"], np.eye(2, dtype=np.float32)[1:])], 2)
    with pytest.raises(ValueError, match=r"different lengths: \[2, 3\]"):
        merge([one, Part(["b"], np.eye(3, dtype=np.float32)[:1])], 2)
    with pytest.raises(ValueError, match="2 keys for 1 vectors"):
        Part(["a", "b"], np.eye(2, dtype=np.float32)[:1])
    with pytest.raises(ValueError, match="vector of b is not a finite unit"):
        Part(["a", "b"], np.array([[1, 0], [np.nan, 0]], np.float32))
