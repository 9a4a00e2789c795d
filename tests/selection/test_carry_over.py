"""Frames of earlier periods that still represent what they cover."""

from __future__ import annotations

import numpy as np
import pytest

from streamsel.frame import Frame, FrameKey, Vector
from streamsel.selection.carry_over import CarryOver
from tests.sinks.streams import frame

DIM = 4


def kept(*indices: int) -> list[tuple[Frame, Vector]]:
    return [(frame("gate", index), np.eye(DIM, dtype=np.float32)[index % DIM]) for index in indices]


def indices(carried: CarryOver) -> list[int]:
    return [one.key.index for one in carried.frames]


@pytest.fixture
def carried() -> CarryOver:
    made = CarryOver(DIM)
    made.close_period(kept(0, 1, 2), 9)
    return made


def test_nothing_is_carried_at_first() -> None:
    assert indices(CarryOver(DIM)) == []
    assert CarryOver(DIM).seen == {}


def test_what_a_period_kept_is_carried_and_not_seen_yet(carried: CarryOver) -> None:
    assert indices(carried) == [0, 1, 2]
    assert set(carried.seen.values()) == {False}


def test_the_nearest_is_found(carried: CarryOver) -> None:
    wanted = np.eye(DIM, dtype=np.float32)[[2, 0]]
    positions, distances = carried.nearest(wanted)
    assert positions.tolist() == [2, 0]
    np.testing.assert_allclose(distances, [0, 0], atol=1e-6)


def test_frames_not_seen_in_the_period_go_first(carried: CarryOver) -> None:
    carried.mark_seen(np.array([0]))
    assert carried.seen[FrameKey("gate", 0)]
    carried.close_period(kept(7), 3)
    assert indices(carried) == [2, 0, 7]
    assert set(carried.seen.values()) == {False}


@pytest.mark.parametrize(
    ("new", "most", "left"),
    [
        ((), 3, [0, 1, 2]),
        ((), 2, [1, 2]),
        ((7, 8), 5, [0, 1, 2, 7, 8]),
        ((7, 8), 4, [1, 2, 7, 8]),
        ((7, 8), 2, [7, 8]),
        ((7, 8), 1, [8]),
        ((7, 8, 9), 1, [9]),
    ],
)
def test_no_more_are_carried_than_may_be_and_the_newest_stay(
    carried: CarryOver, new: tuple[int, ...], most: int, left: list[int]
) -> None:
    carried.close_period(kept(*new), most)
    assert indices(carried) == left
    positions, _ = carried.nearest(np.stack([kept(left[-1])[0][1]]))
    assert left[positions[0]] % DIM == left[-1] % DIM


def test_frames_that_are_gone_are_not_carried(carried: CarryOver) -> None:
    carried.mark_seen(np.array([2]))
    carried.remove([FrameKey("gate", 1), FrameKey("yard", 0)])
    assert indices(carried) == [0, 2]
    assert list(carried.seen.values()) == [False, True]
    carried.remove([])
    assert indices(carried) == [0, 2]


def test_what_was_carried_comes_back(carried: CarryOver) -> None:
    seen = [(one, vector, place == 1) for place, (one, vector) in enumerate(kept(5, 6))]
    carried.restore(seen)
    assert indices(carried) == [5, 6]
    assert list(carried.seen.values()) == [False, True]
    carried.restore([])
    assert indices(carried) == []
