from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.centers import NONE, CenterTable, Located
from streamsel.coreset.distance import distances
from streamsel.coreset.pairs import closest_pair
from streamsel.coreset.values import Point
from tests.coreset.orders import EXAMPLES, order, streams, unit


def insert(table: CenterTable[int], sequence: int, vector: np.ndarray) -> None:
    point = Point.of(sequence, vector, sequence, math.nan, 0.0)
    if table.size:
        table.insert(table.locate(point))
    else:
        table.insert(Located(point, NONE, math.inf, np.empty(0, np.float32)))


def check_neighbors(table: CenterTable[int]) -> None:
    for slot in range(table.size):
        assert np.array_equal(table.vectors[slot], table.points[slot].vector)
        assert table.sequence[slot] == table.points[slot].sequence
        witness = table.witnesses[slot]
        assert witness is None or witness.key == -table.points[slot].key
        exact = distances(table.vectors[: table.size], table.vectors[slot])
        others = [other for other in range(table.size) if other != slot]
        if not others:
            assert (table.neighbor[slot], table.gap[slot]) == (NONE, math.inf)
            continue
        best = min(others, key=lambda other: (exact[other], table.sequence[other]))
        assert (table.neighbor[slot], table.gap[slot]) == (best, exact[best])


@EXAMPLES
@given(streams(most=40), st.integers(0, 2**32 - 1))
def test_neighbors_are_those_of_brute_force(vectors: np.ndarray, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = np.unique(vectors, axis=0)
    table: CenterTable[int] = CenterTable(len(vectors), vectors.shape[1])
    outside = random.permutation(len(vectors)).tolist()
    for _ in range(60):
        if outside and (not table.size or random.random() < 0.6):
            number = outside.pop()
            insert(table, number, vectors[number])
            if random.random() < 0.5:
                witness = Point.of(-number, vectors[number], 99, math.nan, 0.0)
                table.absorb(table.size - 1, witness, 0.1)
        else:
            size = int(random.integers(1, table.size + 1)) if random.random() < 0.2 else 1
            gone = random.choice(table.size, size, replace=False).tolist()
            outside += [table.points[slot].key for slot in gone]
            table.remove(gone)
        check_neighbors(table)
        assert sorted(outside + [point.key for point in table.points]) == [*range(len(vectors))]


def arc(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def table_of(vectors: np.ndarray) -> CenterTable[int]:
    table: CenterTable[int] = CenterTable(len(vectors), vectors.shape[1])
    for number, vector in enumerate(vectors):
        insert(table, number, vector)
    return table


@pytest.mark.parametrize(("degrees", "victim"), [((0, 10, 30), 1), ((20, 30, 0), 0)])
def test_the_one_nearer_to_a_third_goes(degrees: tuple[float, ...], victim: int) -> None:
    table = table_of(arc(*degrees))
    assert closest_pair(table, safety=4.0)[0] == victim


def test_of_two_that_are_equally_near_to_a_third_the_later_goes() -> None:
    table = table_of(np.eye(4, dtype=np.float32)[:3])
    victim, survivor, distance = closest_pair(table, safety=4.0)
    assert (victim, survivor) == (1, 0)
    assert distance == pytest.approx(math.sqrt(2))


def test_far_reach_saves_a_center_whose_survivor_could_not_take_over() -> None:
    table = table_of(arc(0, 10, 30))
    far = Point.of(9, arc(70)[0], 9, math.nan, 0.0)
    table.absorb(1, far, float(distances(arc(10), far.vector)[0]))
    assert closest_pair(table, safety=4.0)[0] == 0
    assert closest_pair(table, safety=100.0)[0] == 1


def test_the_survivor_answers_for_all_the_victim_answered_for() -> None:
    table = table_of(order("random", 3, 5, seed=4))
    gap = float(distances(table.vectors[:1], table.vectors[1])[0])
    early = Point.of(7, table.vectors[2], 7, 3.0, 0.0)
    late = Point.of(8, table.vectors[2], 8, 5.0, 0.0)
    table.absorb(0, early, 0.25)
    table.absorb(1, late, 0.5)
    table.inherit(0, 1, recallable=True)
    assert table.reach[0] == gap + 0.5
    assert table.last[0] == 5.0
    assert table.witnesses[0] is table.points[1]  # farther away than what was absorbed before


def test_of_equally_close_pairs_that_with_the_earliest_center_is_parted() -> None:
    first, second = np.array([[0.6, 0.8], [0.8, 0.6]], np.float32)
    none = np.zeros(2, np.float32)
    vectors = np.stack(
        [
            np.concatenate([-first, none]),
            np.concatenate([first, none]),
            np.concatenate([second, none]),
            np.concatenate([none, first]),
            np.concatenate([none, second]),
        ]
    )
    table = table_of(vectors)
    table.remove([0])
    assert [point.key for point in table.points] == [4, 1, 2, 3]  # the last fills the hole
    victim, survivor, _ = closest_pair(table, safety=4.0)
    assert {table.points[victim].key, table.points[survivor].key} == {1, 2}


def test_reach_decides_only_beyond_the_multiple_of_the_distance() -> None:
    table = table_of(arc(0, 10, 30))
    gap = float(table.gap[0])
    table.absorb(1, Point.of(9, arc(70)[0], 9, math.nan, 0.0), gap)
    # Were 1 to go, 0 would answer for what is twice the distance away, and no farther.
    assert closest_pair(table, safety=2.0)[0] == 1
    assert closest_pair(table, safety=math.nextafter(2.0, 0.0))[0] == 0


def test_a_neighbor_that_products_take_for_too_far_is_measured() -> None:
    here, there = arc(0, 60)
    short = unit(np.array([[0.5, -math.sqrt(0.75)]]))[0] * np.float32(1 - 4e-6)
    table = table_of(np.stack([here, there]))
    table.reserve(3)
    assert 2.0 - 2.0 * float(here @ short) > table.gap[0] ** 2
    insert(table, 2, short)
    check_neighbors(table)
    assert table.points[int(table.neighbor[0])].key == 2
