"""The spread in time: how many centers of a feed there may be within a stretch of time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.values import BurstLimit, CenterAdded, CenterRemoved, Origin
from streamsel.errors import ConfigurationError
from tests.coreset.orders import EXAMPLES, offer_all, order, streams, unit
from tests.coreset.scenes import Scenes, weighted_pairs

FIXED = Origin(fixed=True)


def arc(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))


@EXAMPLES
@given(streams(), st.integers(0, 2**32 - 1), st.integers(1, 10), st.integers(1, 3), st.booleans())
def test_no_frame_is_added_to_a_burst_that_has_its_frames(
    vectors: np.ndarray, seed: int, capacity: int, most: int, is_auto: bool
) -> None:
    """But it may replace one of them; then no more frames are there than before."""
    scenes = Scenes.drawn(vectors, seed)
    limit = BurstLimit(most, None if is_auto else 8.0)
    coreset = Coreset[int](capacity, vectors.shape[1], burst=limit)
    live: dict[int, bool] = {}
    for row, (decisions, _) in enumerate(scenes.offer(coreset, 1)):
        full, spacing = len(live) >= capacity, coreset.spacing
        (decision,) = decisions
        for change in decision.changes:
            if isinstance(change, CenterRemoved):
                del live[change.key]
                continue
            replaces = any(other.reason == "exchanged" for other in decision.changes)
            if full and not (replaces and change.reason == "novel"):
                near = crowd(scenes, [*live], change.key, row, limit)
                assert len(near) < most
            live[change.key] = True
        if decision.reason == "burst":
            assert full
            assert len(crowd(scenes, [*live], row, row, limit)) >= most
            assert coreset.spacing == spacing


def crowd(scenes: Scenes, live: list[int], key: int, row: int, limit: BurstLimit) -> list[int]:
    """The kept frames of its feed that are near a frame in time, from the definition."""
    origin = scenes.origin(key, row)
    own = [one for one in live if scenes.origins[one].feed == origin.feed and one != key]
    if not own or (limit.seconds is None and not origin.fixed):
        return []
    times = [scenes.times[one] for one in own]
    stretch = limit.seconds or 0.25 * (max(times) - min(times)) / len(own)
    return [one for one in own if abs(scenes.times[one] - scenes.times[key]) < stretch]


@EXAMPLES
@given(streams(), st.integers(2, 10))
def test_exchanges_within_one_burst_are_bounded(vectors: np.ndarray, capacity: int) -> None:
    coreset = Coreset[int](capacity, vectors.shape[1], burst=BurstLimit(1, 1e6))
    least = math.nan
    for row, vector in enumerate(np.concatenate([vectors] * 2)):
        coreset.offer(row, vector, time=float(row))
        if len(coreset) == capacity:
            least = coreset.spacing if math.isnan(least) else least
            assert coreset.admitted == capacity
            assert coreset.exchanged <= capacity * (1 + math.ceil(math.log(2 / least, 1.1)))
            assert coreset.spacing == min(weighted_pairs(coreset.centers())) >= least


def full_set(limit: BurstLimit, *degrees: float) -> Coreset[int]:
    """Centers ten seconds from each other."""
    coreset = Coreset[int](len(degrees), 2, burst=limit)
    times = [10.0 * place for place in range(len(degrees))]
    offer_all(coreset, arc(*degrees), 1, times=times, origins=[FIXED] * len(degrees))
    return coreset


def test_a_newcomer_within_a_quarter_of_the_mean_gap_is_refused() -> None:
    for late, outcome in ((1.8, "covered"), (1.9, "kept")):  # 30 s over 4 centers: 1.875 s
        coreset = full_set(BurstLimit(), 0, 30, 90, 200)
        decision = coreset.offer(9, arc(265)[0], time=30.0 + late, origin=FIXED)
        assert decision.outcome == outcome
        if outcome == "covered":
            assert (decision.reason, decision.changes) == ("burst", ())
            assert decision.distance is not None
            assert decision.threshold is not None
            assert coreset.coverage_bound >= decision.distance > decision.threshold


def test_a_newcomer_that_is_more_novel_takes_the_place_of_the_most_redundant() -> None:
    coreset = full_set(BurstLimit(1, 16.0), 0, 30, 90, 170)
    # Within 16 s are the last two; that at 170 degrees has the farther neighbour.
    decision = coreset.offer(9, arc(270)[0], time=35.0, origin=FIXED)
    added, removed = decision.changes
    assert isinstance(added, CenterAdded)
    assert isinstance(removed, CenterRemoved)
    assert (decision.outcome, added.key) == ("kept", 9)
    assert (removed.key, removed.reason) == (2, "exchanged")
    assert (coreset.admitted, coreset.exchanged) == (4, 1)


def test_a_newcomer_that_is_hardly_more_novel_is_refused() -> None:
    coreset = full_set(BurstLimit(1, 8.0), 0, 30, 90, 170)
    # The last is 80 degrees from its neighbour; 85 are more, but not by a tenth, and 95 are.
    assert coreset.offer(9, arc(275)[0], time=35.0, origin=FIXED).reason == "burst"
    assert coreset.offer(10, arc(265)[0], time=35.0, origin=FIXED).outcome == "kept"


def test_a_pinned_center_of_the_burst_stays() -> None:
    coreset = full_set(BurstLimit(1, 8.0), 0, 30, 90, 170)
    coreset.pin(3)
    assert coreset.offer(9, arc(265)[0], time=35.0, origin=FIXED).reason == "burst"


def test_another_feed_has_bursts_of_its_own() -> None:
    coreset = full_set(BurstLimit(1, 8.0), 0, 30, 90, 170)
    other = Origin(feed=1, fixed=True)
    assert coreset.offer(9, arc(275)[0], time=35.0, origin=other).outcome == "kept"


def test_by_itself_there_is_no_limit_before_a_feed_counts_as_fixed_but_a_given_one_holds() -> None:
    for limit, outcome in ((BurstLimit(), "kept"), (BurstLimit(1, 8.0), "covered")):
        coreset = full_set(limit, 0, 30, 90, 170)
        assert coreset.offer(9, arc(275)[0], time=31.0, origin=Origin()).outcome == outcome


@pytest.mark.parametrize("limit", [BurstLimit(), BurstLimit(1, 1e6), BurstLimit(3, 50.0)])
def test_no_place_stays_free_for_the_sake_of_time(limit: BurstLimit) -> None:
    vectors = order("random", 200, 6, seed=3)
    coreset = Coreset[int](40, 6, burst=limit, window=1e6)
    for number, vector in enumerate(vectors):
        coreset.offer(number, vector, time=0.1 * number, origin=FIXED)
        if number == 120:
            coreset.remove(coreset.keys[:10], "lost")
            coreset.resize(45)
    assert len(coreset) == 45


def test_a_witness_that_its_burst_has_no_room_for_is_not_recalled() -> None:
    recalled = {}
    for limit in (None, BurstLimit(1, 1e6)):
        recalled[limit] = 0
        for seed in range(6):
            coreset = Coreset[int](12, 6, burst=limit)
            vectors = order("growing", 160, 6, seed)
            times = [float(row) for row in range(160)]
            for decision in offer_all(coreset, vectors, 1, times=times):
                recalled[limit] += sum(one.reason == "recalled" for one in decision.changes)
    assert recalled[None] > 0 == recalled[BurstLimit(1, 1e6)]


def test_its_bounds_are_checked_and_times_are_needed() -> None:
    with pytest.raises(ConfigurationError, match="number of frames is 0"):
        BurstLimit(0, 1.0)
    for seconds in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ConfigurationError, match="duration is"):
            BurstLimit(1, seconds)
    with pytest.raises(ConfigurationError, match="must come with its time"):
        Coreset[str](3, 2, burst=BurstLimit()).offer("a", np.array([1.0, 0.0]))
