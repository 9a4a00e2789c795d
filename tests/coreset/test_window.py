from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.values import CenterAdded, CenterRemoved, Decision
from streamsel.coreset.window import Window
from tests.coreset.orders import EXAMPLES, offer_all, order, radius, replayed, streams


@EXAMPLES
@given(
    streams(),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.2]),
    st.sampled_from([3.0, 20.0, 1000.0]),
    st.sampled_from([1, 8]),
    st.integers(0, 2**32 - 1),
)
def test_every_frame_of_the_window_is_covered(
    vectors: np.ndarray, capacity: int, floor: float, span: float, block: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    times = random.exponential(1.0, len(vectors)).cumsum()
    coreset = Coreset[int](capacity, vectors.shape[1], floor=floor, window=span)
    history: list[Decision[int]] = []
    for start in range(0, len(vectors), block):
        part = slice(start, start + block)
        decisions = offer_all(
            coreset, vectors[part], block, first=start, times=times[part].tolist()
        )
        history += decisions
        for change in (change for decision in decisions for change in decision.changes):
            if isinstance(change, CenterAdded) and change.reason == "recalled":
                assert times[change.key] >= times[start] - span
        centers = coreset.centers()
        assert 1 <= len(centers) <= capacity
        # Up to the first frame of the block the clock has run.
        horizon = times[start] - span
        assert all(c.last_time is not None and c.last_time >= horizon for c in centers)
        recent = vectors[: start + block][times[: start + block] >= horizon]
        reached = radius(recent, np.stack([center.vector for center in centers]))
        assert reached <= coreset.coverage_bound + 1e-12
    assert sorted(replayed(history, capacity)) == [*coreset.keys]


def test_what_is_not_seen_for_the_window_expires() -> None:
    east, north, west = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    coreset = Coreset[str](3, 2, window=10.0)
    coreset.offer("east", east, time=0.0)
    coreset.offer("north", north, time=0.0)
    assert coreset.offer("north again", north, time=5.0).outcome == "covered"
    assert coreset.offer("west", west, time=10.0).changes[0].key == "west"
    assert coreset.keys == ("east", "north", "west")
    decision = coreset.offer("west again", west, time=10.5)
    assert decision.outcome == "covered"  # and yet it makes the set change
    assert decision.changes == (CenterRemoved("east", None, None, "expired"),)
    assert [center.last_time for center in coreset.centers()] == [5.0, 10.5]


def test_a_scene_that_returns_within_the_window_is_never_let_go() -> None:
    vectors = order("random", 6, 12, seed=1)
    coreset = Coreset[int](6, 12, window=10.0)
    offer_all(coreset, np.tile(vectors, (40, 1)), 1, times=[*map(float, range(240))])
    assert (coreset.admitted, coreset.evicted) == (6, 0)


def test_all_expires_after_a_long_silence_and_the_set_fills_again() -> None:
    before, after = order("random", 40, 12, seed=2), order("random", 40, 12, seed=3)
    coreset = Coreset[int](8, 12, window=50.0)
    offer_all(coreset, before, 8, times=[*map(float, range(40))])
    decisions = offer_all(coreset, after, 8, first=40, times=[*map(float, range(1000, 1040))])
    expired = [c for c in decisions[0].changes if isinstance(c, CenterRemoved)]
    assert len(expired) == 8
    assert {change.reason for change in expired} == {"expired"}
    assert len(coreset) == 8
    assert min(coreset.keys) >= 40


def test_the_threshold_halves_every_quarter_of_the_window_while_places_are_free() -> None:
    scene = np.eye(3, dtype=np.float32)
    coreset = Coreset[int](3, 3, window=8.0)
    offer_all(coreset, scene, 1, times=[0.0, 0.0, 0.0])
    full = coreset.threshold
    thresholds = []
    for time in (6.0, 9.0, 11.0, 13.0):
        coreset.offer(9, scene[0], time=time)
        thresholds.append(coreset.threshold)
    assert full == pytest.approx(1.1 * math.sqrt(2))
    assert thresholds == pytest.approx([full, full, full / 2, full / 4])
    assert len(coreset) == 1


def test_spacing_falls_when_the_scene_gets_simpler() -> None:
    wide, narrow = order("random", 100, 12, seed=4), order("tour", 400, 12, seed=4)
    coreset = Coreset[int](10, 12, window=60.0)
    offer_all(coreset, wide, 4, times=[*map(float, range(100))])
    spacing = coreset.spacing
    offer_all(coreset, narrow, 4, times=[*map(float, range(100, 500))])
    assert len(coreset) == 10
    assert 0.0 < coreset.spacing < spacing / 2


def test_the_clock_never_goes_back() -> None:
    scene = np.eye(3, dtype=np.float32)
    coreset = Coreset[int](3, 3, window=8.0)
    coreset.offer(0, scene[0], time=100.0)
    coreset.offer(1, scene[1], time=3.0)
    assert [center.last_time for center in coreset.centers()] == [100.0, 3.0]
    coreset.offer(2, scene[2], time=100.0)
    assert coreset.keys == (0, 2)


def test_the_first_time_shrinks_nothing() -> None:
    assert Window(10.0).shrinkage(before=-math.inf, now=1e9) == 1.0


def test_a_frame_behind_the_others_does_not_turn_the_clock_back() -> None:
    scene = np.eye(4, dtype=np.float32)
    coreset = Coreset[int](4, 4, window=8.0, warm_spacing=1.0)
    coreset.offer(0, scene[0], time=100.0)
    threshold = coreset.threshold
    coreset.offer(1, scene[1], time=50.0)
    assert coreset.threshold == threshold
    # What was last seen long ago expires, whenever the frame that comes next was taken.
    (change,) = coreset.offer(2, scene[0], time=51.0).changes
    assert change == CenterRemoved(1, None, None, "expired")


@pytest.mark.parametrize(("absorbed_at", "recalled"), [(0.0, False), (5.0, True)])
def test_a_witness_is_recalled_only_from_within_the_window(
    absorbed_at: float, recalled: bool
) -> None:
    degrees = {"a": 0.0, "b": 40.0, "c": 175.0, "d": 220.0, "witness": 316.5, "new": 265.0}
    vectors = {
        name: np.array([math.cos(math.radians(at)), math.sin(math.radians(at))])
        for name, at in degrees.items()
    }
    coreset = Coreset[str](4, 2, window=10.0)
    coreset.offer_block("abcd", np.stack([vectors[name] for name in "abcd"]), times=[0.0] * 4)
    assert coreset.offer("witness", vectors["witness"], time=absorbed_at).nearest == "a"
    for name in "abcd":
        coreset.offer(name, vectors[name], time=6.0)
    changes = coreset.offer("new", vectors["new"], time=11.0).changes
    assert [change.key for change in changes[:2]] == ["new", "a"]
    assert [change.key for change in changes if change.reason == "recalled"] == [
        "witness"
    ] * recalled
