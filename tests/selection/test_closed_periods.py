"""What earlier periods leave behind: their frames, and what is familiar of them."""

from __future__ import annotations

import math

import numpy as np

from streamsel.coreset.coreset import Coreset
from streamsel.frame import Frame
from streamsel.selection.carry_over import CarryOver
from streamsel.selection.closed_periods import ClosedPeriods
from tests.coreset.candidates import candidate
from tests.coreset.orders import order


def ended(vectors: np.ndarray, first: int) -> Coreset[Frame]:
    coreset = Coreset[Frame](len(vectors), vectors.shape[1])
    for index, vector in enumerate(vectors, first):
        coreset.offer(candidate(index, vector).frame, vector)
    return coreset


def test_the_oldest_are_let_go_of_where_there_are_too_many() -> None:
    past = ClosedPeriods(most=25)
    periods = [ended(order("random", 10, 6, seed), 10 * seed) for seed in range(4)]
    gone = [[frame.key.index for frame in past.add(period)] for period in periods]
    assert gone == [[], [], [*range(10)], [*range(10, 20)]]
    assert past.coresets == periods[2:]


def test_places_that_became_free_are_counted() -> None:
    past = ClosedPeriods(most=25)
    first = ended(order("random", 10, 6, seed=1), 0)
    past.add(first)
    while (least := past.redundancy) is not None:
        (change,) = past.thin("over-budget")
        assert change.distance == (None if math.isinf(least) else least)
    assert past.coresets == []
    assert past.add(ended(order("random", 25, 6, seed=2), 10)) == []
    assert len(past.add(ended(order("random", 1, 6, seed=3), 40))) == 25


def test_an_ended_coreset_holds_no_witnesses() -> None:
    coreset = ended(order("growing", 30, 6, seed=4), 0)
    coreset.resize(5)
    ClosedPeriods().add(coreset)
    snapshot = coreset.snapshot()
    assert snapshot.witnesses == (None,) * 5
    assert {point.key for point in snapshot.points} == {*coreset.keys}
    assert snapshot.table().slots == 6


def test_the_last_kept_and_the_last_seen_are_familiar() -> None:
    vectors = np.eye(9, dtype=np.float32)
    frames = [candidate(index, None).frame for index in range(9)]
    kept = list(zip(frames, vectors, strict=True))
    carry_over = CarryOver(9)
    carry_over.close_period(kept[:3], most=4)
    places, distances = carry_over.nearest(vectors[[1, 5]])
    assert (places[0], distances[0]) == (1, 0.0)
    assert distances[1] > 1.0
    carry_over.mark_seen(places[:1])
    assert [*carry_over.seen.values()] == [False, True, False]
    carry_over.close_period(kept[3:5], most=4)
    # Of the older ones that which was seen stays longest.
    assert [frame.key.index for frame in carry_over.frames] == [2, 1, 3, 4]
    assert [*carry_over.seen.values()] == [False] * 4
    carry_over.remove([frames[1].key, frames[8].key])
    assert [frame.key.index for frame in carry_over.frames] == [2, 3, 4]
    assert carry_over.nearest(vectors[[4]])[1][0] == 0.0
    carry_over.close_period(kept[5:], most=3)
    assert [frame.key.index for frame in carry_over.frames] == [6, 7, 8]
    carry_over.close_period([], most=3)
    assert len(carry_over.frames) == 3
