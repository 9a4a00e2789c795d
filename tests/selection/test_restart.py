"""A selector without end goes on from its state and the record's frames, whatever has happened."""

from __future__ import annotations

import json
import math
import zlib
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.choices import Calibration
from streamsel.decisions import Evicted, Kept
from streamsel.errors import RecordError
from streamsel.frame import Candidate, FrameKey
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.selection.state import LiveState
from tests.coreset.candidates import candidate
from tests.coreset.live_story import LiveStory
from tests.coreset.orders import order, streams
from tests.selection.floors import floor_from
from tests.selection.test_online import of, resting

SOME = settings(deadline=None, max_examples=60)
BUDGETS = {
    "count": Budget(count=6),
    "less": Budget(count=3),
    "more": Budget(count=9),
    "each period": Budget(count=5, period=1.0),
    "another period": Budget(count=4, period=0.7),
    "share": Budget(share=0.2, period=1.0),
    "less share": Budget(share=0.1, period=1.0),
}
WINDOWS = (None, 1.2)
FLOORS = ("auto", 0.0, 0.2)


def opened(budget: str, dim: int, floor: Any, window: float | None) -> OnlineSelector:
    return OnlineSelector(BUDGETS[budget], dim, floor=floor, window=window, calibration_frames=20)


def recorded(story: LiveStory) -> list[Candidate]:
    return [story.live[key] for key in sorted(story.live)]


@SOME
@given(
    streams(most=130),
    st.sampled_from([*BUDGETS]),
    st.sampled_from([*BUDGETS, None, None, None]),
    st.sampled_from(FLOORS),
    st.sampled_from([*FLOORS, None, None]),
    st.sampled_from(WINDOWS),
    st.integers(0, 2**32 - 1),
)
def test_it_goes_on_however_and_whenever_it_ended(
    vectors: np.ndarray,
    budget: str,
    changed: str | None,
    floor: Any,
    new_floor: Any,
    window: float | None,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    feeds = np.where(random.random(len(vectors)) < 0.3, "yard", "gate")
    candidates = [
        candidate(index, vector, feed=str(feeds[index])) for index, vector in enumerate(vectors)
    ]
    dim = vectors.shape[1]
    selector, story = opened(budget, dim, floor, window), LiveStory()
    done, covers = 0, True
    for _ in range(3):
        known, cut = sorted(int(n) for n in random.integers(done, len(vectors) + 1, 2))
        story.judge(selector, candidates[done:known])
        for key in [key for key in story.live if random.random() < 0.1]:
            selector.pin(key)
        state, pinned, told = selector.state(), selector.pinned, len(story.events)
        known_centers = story.representatives(selector)
        story.judge(selector, candidates[known:cut])
        if random.random() < 0.3:
            story.changed(selector.evict_redundant("over-budget"))
        done = cut
        if changed is not None:
            budget = changed
        selector = opened(budget, dim, floor if new_floor is None else new_floor, window)
        selector.restore(b"" if random.random() < 0.1 else state, recorded(story))
        assert selector.kept == tuple(sorted(story.live))
        assert set(selector.pinned) <= set(pinned) & story.live.keys()
        # Where frames came and went and all is as before, the state should have been stored.
        covers &= window is None
        covers &= len(story.events) == told or story.representatives(selector) != known_centers
        story.check(selector, coverage=covers)
        story.judge(selector, candidates[done : done + 1])
        done = min(done + 1, len(vectors))
        story.check(selector, coverage=covers)
    story.judge(selector, candidates[done:])
    story.check(selector, coverage=covers)
    if done < len(vectors) and selector.budget.span is None:
        pins = len({*selector.pinned} & {*story.representatives(selector)})
        assert selector.size <= max(selector.budget.capacity(0), pins)


@SOME
@given(streams(most=120), st.integers(0, 2**32 - 1), st.sampled_from(["count", "each period"]))
def test_what_was_refused_after_the_state_is_within_the_bound(
    vectors: np.ndarray, seed: int, budget: str
) -> None:
    random = np.random.default_rng(seed)
    selector, story = opened(budget, vectors.shape[1], "auto", None), LiveStory()
    state, kept = selector.state(), story.representatives(selector)
    for one in of(vectors):
        verdicts = story.judge(selector, [one])
        if verdicts[0].events:
            # The state is stored with every change of the kept set, not with refused frames.
            state, kept = selector.state(), story.representatives(selector)
        if random.random() < 0.1:
            bound = selector.coverage_bound
            selector = opened(budget, vectors.shape[1], "auto", None)
            selector.restore(state, recorded(story))
            if story.representatives(selector) == kept and kept:
                assert selector.coverage_bound >= min(bound, 2.0) - 1e-9
            story.check(selector)
            state, kept = selector.state(), story.representatives(selector)


def test_the_bound_stays_useful_where_the_state_came_with_the_events() -> None:
    vectors = order("random", 900, 4, seed=1)
    selector, story = OnlineSelector(Budget(count=40), 4, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:800]))
    state = selector.state()
    story.judge(selector, of(np.tile(vectors[:300], (2, 1)), 800))
    bound = selector.coverage_bound
    restored = OnlineSelector(Budget(count=40), 4, floor=0.0)
    restored.restore(state, recorded(story))
    assert restored.coverage_bound <= max(bound, 1.1 * selector.spacing) + 1e-4
    assert restored.spacing == selector.spacing
    story.check(restored)


def test_frames_the_state_does_not_know_are_taken_in_and_missing_ones_left_out() -> None:
    vectors = order("random", 300, 8, seed=2)
    selector, story = OnlineSelector(Budget(count=10), 8, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:30]))
    state = selector.state()
    story.judge(selector, of(vectors[30:], 30))
    assert {key.index < 30 for key in selector.kept} == {True, False}
    restored = OnlineSelector(Budget(count=10), 8, floor=0.0)
    restored.restore(state, recorded(story))
    assert restored.kept == selector.kept
    assert restored.coverage_bound == 2.0  # more cannot be known
    assert restored.spacing == pytest.approx(selector.spacing)


def test_fewer_may_be_kept_than_before_and_the_next_verdict_says_so() -> None:
    vectors = order("random", 200, 8, seed=3)
    selector, story = OnlineSelector(Budget(count=10), 8, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:150]))
    restored = OnlineSelector(Budget(count=4), 8, floor=0.0)
    restored.restore(selector.state(), recorded(story))
    assert (restored.size, restored.capacity) == (10, 10)
    (verdict,) = story.judge(restored, of(vectors[:1], 150))
    assert [event.reason for event in verdict.events] == ["resized"] * 6
    assert (restored.size, restored.capacity) == (4, 4)


def test_more_may_be_kept_than_before() -> None:
    vectors = order("random", 600, 3, seed=4)
    selector, story = OnlineSelector(Budget(count=10), 3, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:300]))
    restored = OnlineSelector(Budget(count=20), 3, floor=0.0)
    restored.restore(selector.state(), recorded(story))
    assert restored.spacing == pytest.approx(selector.spacing / 2)
    story.judge(restored, of(vectors[300:], 300))
    assert restored.size == 20
    story.check(restored)


def test_a_higher_floor_evicts_near_duplicates_with_the_next_verdict() -> None:
    vectors = order("random", 100, 3, seed=5)
    selector, story = OnlineSelector(Budget(count=30), 3, floor=0.0), LiveStory()
    story.judge(selector, of(vectors))
    restored = OnlineSelector(Budget(count=30), 3, floor=0.6)
    restored.restore(selector.state(), recorded(story))
    assert restored.kept == selector.kept
    (verdict,) = story.judge(restored, of(vectors[:1], 100))
    assert {event.reason for event in verdict.events if isinstance(event, Evicted)} == {
        "near-duplicate"
    }
    assert restored.redundancy is not None
    assert restored.redundancy > 0.6


def test_calibration_goes_on() -> None:
    vectors = resting(300, seed=6)
    selector, story = OnlineSelector(Budget(count=50), 64), LiveStory()
    story.judge(selector, of(vectors[:60]))
    told = selector.floor
    assert told > 0.0
    restored = OnlineSelector(Budget(count=50), 64)
    restored.restore(selector.state(), recorded(story))
    assert restored.floor == told
    story.judge(restored, of(vectors[60:200], 60))
    assert restored.floor != told
    assert restored.floor == pytest.approx(floor_from(vectors[:100]), rel=0.1)
    final = OnlineSelector(Budget(count=50), 64)
    final.restore(restored.state(), recorded(story))
    story.judge(final, of(vectors[200:], 200))
    assert final.floor == restored.floor
    assert len(story.live) == 1


@pytest.mark.parametrize("calibration", ["held-back", "on-the-way"])
@pytest.mark.parametrize("measured", [10, 11, 60])
def test_a_restart_that_needs_fewer_frames_than_were_measured_is_calibrated(
    calibration: Calibration, measured: int
) -> None:
    vectors = resting(measured + 1, seed=6)
    selector, story = OnlineSelector(Budget(count=50), 64, calibration_frames=100), LiveStory()
    story.judge(selector, of(vectors[:measured]))
    restored = OnlineSelector(Budget(count=50), 64, calibration=calibration, calibration_frames=10)
    restored.restore(selector.state(), recorded(story))
    told = pytest.approx(floor_from(vectors[:measured]), rel=1e-3)
    assert restored.floor == told
    assert restored.floor > 0.0
    assert len(story.judge(restored, of(vectors[measured:], measured))) == 1
    assert restored.floor == told


def test_a_warm_restart_does_not_churn() -> None:
    vectors = order("random", 1500, 12, seed=7)
    selector, story = OnlineSelector(Budget(count=25), 12, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:700]))
    before = len(story.events)
    restored = OnlineSelector(Budget(count=25), 12, floor=0.0)
    restored.restore(selector.state(), recorded(story))
    story.judge(restored, of(vectors[:700], 700))
    assert len(story.events) - before <= 4


def test_periods_are_told_apart_again() -> None:
    vectors = order("random", 400, 16, seed=8)
    budget = Budget(count=6, period=2.0)
    selector, story = OnlineSelector(budget, 16, floor=0.2), LiveStory()
    story.judge(selector, of(vectors[:170]))
    pin = selector.kept[0]
    selector.pin(pin)
    restored = OnlineSelector(budget, 16, floor=0.2)
    restored.restore(selector.state(), recorded(story))
    assert np.array_equal(restored.vectors(), selector.vectors())
    assert restored.pinned == (pin,)
    assert restored.redundancy == selector.redundancy
    assert restored.spacing == selector.spacing
    # A frame of an ended period is familiar still, and all go on alike.
    again = candidate(170, story.live[selector.kept[8]].embedding)
    assert [s.judge([again])[0].nearest for s in (selector, restored)] == [selector.kept[8]] * 2
    story.candidates[again.frame.key] = again
    story.judge(restored, of(vectors[171:], 171))
    counts = Counter(key.index // 50 for key in restored.kept)
    assert counts == dict.fromkeys(range(8), 6)


def test_a_restart_after_the_end_of_the_period_begins_a_new_one() -> None:
    vectors = order("random", 200, 16, seed=9)
    budget = Budget(count=6, period=2.0)
    selector, story = OnlineSelector(budget, 16, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:80]))
    restored = OnlineSelector(budget, 16, floor=0.0)
    restored.restore(selector.state(), recorded(story))
    story.judge(restored, of(vectors[80:], 1000))
    assert Counter(key.index // 50 for key in restored.kept) == dict.fromkeys((0, 1, 20, 21, 22), 6)


def test_an_archive_survives_a_change_of_the_budget() -> None:
    vectors = order("random", 300, 16, seed=10)
    selector, story = OnlineSelector(Budget(count=6, period=2.0), 16, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:220]))
    forever = OnlineSelector(Budget(count=4), 16, floor=0.0)
    forever.restore(selector.state(), recorded(story))
    assert np.array_equal(forever.vectors(), selector.vectors())
    story.judge(forever, of(vectors[220:260], 220))
    assert (forever.size, len(forever.kept)) == (4, 4 * 6 + 4)
    again = OnlineSelector(Budget(count=4), 16, floor=0.0)
    again.restore(forever.state(), recorded(story))
    assert np.array_equal(again.vectors(), forever.vectors())
    back = OnlineSelector(Budget(count=5, period=2.0), 16, floor=0.0)
    back.restore(again.state(), recorded(story))
    assert back.kept == again.kept
    story.judge(back, of(vectors[260:], 260))
    story.check(back, coverage=False)


def test_a_share_goes_on_with_what_it_has_seen() -> None:
    vectors = order("random", 1000, 16, seed=11)
    budget = Budget(share=0.1, period=20.0)
    selector, story = OnlineSelector(budget, 16, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:700]))
    restored = OnlineSelector(budget, 16, floor=0.0)
    restored.restore(selector.state(), recorded(story))
    assert (restored.size, restored.capacity) == (selector.size, selector.capacity)
    story.judge(restored, of(vectors[700:], 700))
    kept = Counter(key.index // 500 for key in restored.kept)
    assert 45 <= kept[1] <= 50
    resized = [e for e in story.events if isinstance(e, Evicted) and e.reason == "resized"]
    assert len(resized) <= 2


def test_without_a_state_the_frames_are_taken_as_they_are() -> None:
    vectors = order("random", 200, 8, seed=12)
    selector, story = OnlineSelector(Budget(count=10), 8, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:100]))
    restored = OnlineSelector(Budget(count=10), 8, floor=0.0)
    restored.restore(b"", recorded(story))
    assert restored.kept == selector.kept
    assert restored.spacing == pytest.approx(selector.spacing)
    before = len(story.events)
    story.judge(restored, of(vectors[:100], 100))
    assert len(story.events) - before <= 6
    empty = OnlineSelector(Budget(count=10), 8)
    empty.restore(b"", [])
    assert empty.judge(of(vectors[:1]))[0].outcome == "kept"


def test_frames_that_cannot_be_continued_with_are_refused() -> None:
    (one,) = of(order("random", 1, 8, seed=13))
    selector = OnlineSelector(Budget(count=10), 8)
    with pytest.raises(RecordError, match="walk-000000 twice"):
        selector.restore(b"", [one, one])
    for embedding in (None, np.ones(8, np.float32), np.ones(3, np.float32) / np.sqrt(3)):
        with pytest.raises(RecordError, match="no embedding of length 8 of the frame walk-000000"):
            selector.restore(b"", [replace(one, embedding=embedding)])


def stored() -> bytes:
    selector, story = OnlineSelector(Budget(count=4, period=1.0), 6), LiveStory()
    story.judge(selector, of(order("random", 60, 6, seed=14)))
    selector.pin(selector.kept[0])
    return selector.state()


STORED = stored()


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(st.integers(0, len(STORED) - 1), st.integers(1, 255), min_size=1, max_size=3),
    st.sampled_from([len(STORED), len(STORED) - 1, len(STORED) // 2, 3]),
)
def test_damaged_bytes_are_told(flips: dict[int, int], length: int) -> None:
    content = bytearray(STORED)
    for place, bits in flips.items():
        content[place] ^= bits
    selector = OnlineSelector(Budget(count=4, period=1.0), 6)
    if min(flips) > 1 or length < len(STORED):
        with pytest.raises(RecordError, match="the stored state is damaged"):
            selector.restore(bytes(content[:length]), [])


def test_content_that_makes_no_sense_is_told_or_harmless() -> None:
    state = json.loads(zlib.decompress(STORED))
    kept = of(order("random", 60, 6, seed=14))[40:44]
    places: list[tuple[str, ...]] = [(name,) for name in state]
    places += [
        (name, inner) for name, value in state.items() if isinstance(value, dict) for inner in value
    ]
    senseless: list[object] = [None, "x", [], {}, -3, math.nan, 1e300, [[]], {"walk": "x"}, "gone"]
    told = 0
    for place in places:
        for odd in senseless:
            broken = json.loads(json.dumps(state))
            inside = broken if len(place) == 1 else broken[place[0]]
            if odd == "gone":
                del inside[place[-1]]
            else:
                inside[place[-1]] = odd
            selector = OnlineSelector(Budget(count=4, period=1.0), 6)
            try:
                selector.restore(zlib.compress(json.dumps(broken).encode()), kept)
            except RecordError:
                told += 1
                continue
            selector.judge(of(order("random", 3, 6, seed=15), 60))
    assert told > 5 * len(places)


def test_another_version_is_told() -> None:
    state = json.loads(zlib.decompress(STORED))
    state["format"] = "streamsel-selector-9"
    with pytest.raises(RecordError, match="streamsel-selector-9"):
        OnlineSelector(Budget(count=4), 6).restore(zlib.compress(json.dumps(state).encode()), [])


def test_a_state_is_small() -> None:
    vectors = order("random", 3000, 64, seed=16)
    selector = OnlineSelector(Budget(count=1000), 64, floor=0.0)
    LiveStory().judge(selector, of(vectors), batch=100)
    assert selector.size == 1000
    assert len(selector.state()) < 15_000


def test_no_event_is_lost_between_a_restart_and_the_first_verdict() -> None:
    vectors = order("random", 100, 8, seed=17)
    selector, story = OnlineSelector(Budget(count=10), 8, floor=0.0), LiveStory()
    story.judge(selector, of(vectors[:60]))
    restored = OnlineSelector(Budget(count=3), 8, floor=0.0, look_ahead=8)
    restored.restore(selector.state(), recorded(story))
    story.judge(restored, of(vectors[60:64], 60))
    assert restored.kept == selector.kept  # they wait
    story.tell(restored.finish())
    assert restored.size == 3
    story.check(restored)
    assert {type(event) for event in story.events} == {Kept, Evicted}
    assert FrameKey("walk", 60) in story.candidates


def test_a_floor_that_was_told_does_not_go_below_what_is_asked_for_now() -> None:
    vectors = resting(120, seed=13)
    selector, story = OnlineSelector(Budget(count=50), 64), LiveStory()
    story.judge(selector, of(vectors))
    assert 0.0 < selector.floor < 0.7
    restored = OnlineSelector(Budget(count=50), 64, min_distance=0.7)
    restored.restore(selector.state(), recorded(story))
    assert restored.floor == 0.7


def test_opposite_frames_make_a_state_that_can_be_read() -> None:
    there = order("random", 300, 64, seed=4)
    vector = there[np.linalg.norm(2.0 * there.astype(np.float64), axis=1).argmax()]
    assert np.linalg.norm(2.0 * vector.astype(np.float64)) > 2.0
    selector, story = OnlineSelector(Budget(count=2), 64, floor=0.0), LiveStory()
    story.judge(selector, of(np.stack([vector, -vector])))
    assert selector.spacing == 2.0
    restored = OnlineSelector(Budget(count=2), 64, floor=0.0, warm_spacing=selector.spacing)
    restored.restore(selector.state(), recorded(story))
    assert restored.kept == selector.kept
    assert restored.spacing == 2.0


def test_a_state_in_which_rounding_had_added_to_a_distance_is_read() -> None:
    fields = json.loads(zlib.decompress(stored()))
    fields["progress"]["spacing"] = fields["warm_spacing"] = 2.0000000023
    state = LiveState.from_bytes(zlib.compress(json.dumps(fields).encode()))
    assert (state.progress.spacing, state.warm_spacing) == (2.0, 2.0)
