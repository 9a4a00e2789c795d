from __future__ import annotations

import gc
import math
import weakref
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.distance import distances
from streamsel.decisions import Evicted, Kept, Verdict
from streamsel.errors import ConfigurationError
from streamsel.frame import Candidate, FrameKey, Picture
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from tests.coreset.candidates import candidate
from tests.coreset.live_story import LiveStory
from tests.coreset.orders import order, streams, unit
from tests.selection.floors import floor_from

SOME = settings(deadline=None, max_examples=30)
Make = Callable[[int], OnlineSelector]

KINDS: dict[str, Callable[..., OnlineSelector]] = {
    "count": lambda dim, **more: OnlineSelector(Budget(count=7), dim, **more),
    "window": lambda dim, **more: OnlineSelector(Budget(count=7), dim, window=1.5, **more),
    "each period": lambda dim, **more: OnlineSelector(Budget(count=5, period=1.0), dim, **more),
    "share": lambda dim, **more: OnlineSelector(Budget(share=0.2, period=1.0), dim, **more),
}
kinds = st.sampled_from([*KINDS])
floors = st.sampled_from(["auto", 0.0, 0.3])


@st.composite
def feeds(draw: st.DrawFn) -> list[Candidate]:
    """Candidates of two interleaved feeds, some refused, some without a valid embedding."""
    vectors = draw(streams(most=120)).copy()
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    vectors[random.random(len(vectors)) < 0.05] = np.nan
    refused = draw(st.sampled_from([0.0, 0.3]))
    second = draw(st.sampled_from([0.0, 0.4]))
    return [
        candidate(
            index,
            None if random.random() < refused else vector,
            feed="yard" if random.random() < second else "gate",
            sharpness=float(random.random()),
        )
        for index, vector in enumerate(vectors)
    ]


def dim_of(candidates: list[Candidate]) -> int:
    return next((len(c.embedding) for c in candidates if c.embedding is not None), 3)


def of(vectors: np.ndarray, first: int = 0, feed: str = "walk") -> list[Candidate]:
    return [candidate(index, vector, feed=feed) for index, vector in enumerate(vectors, first)]


@SOME
@given(feeds(), kinds, floors, st.sampled_from([1, 8]), st.sampled_from([5, 40]))
def test_verdicts_do_not_depend_on_how_candidates_are_handed_over(
    candidates: list[Candidate], kind: str, floor: float, look_ahead: int, calibration: int
) -> None:
    runs = []
    for batch in (1, 7, len(candidates)):
        selector = KINDS[kind](
            dim_of(candidates), floor=floor, look_ahead=look_ahead, calibration_frames=calibration
        )
        verdicts: list[Verdict] = []
        for start in range(0, len(candidates), batch):
            verdicts += selector.judge(candidates[start : start + batch])
        verdicts += selector.finish()
        assert [verdict.candidate for verdict in verdicts] == candidates
        runs.append((verdicts, selector.kept, selector.floor, selector.state()))
    assert runs[0] == runs[1] == runs[2]


@SOME
@given(feeds(), kinds, floors, st.integers(0, 2**32 - 1))
def test_whatever_happens_what_is_promised_holds(
    candidates: list[Candidate], kind: str, floor: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    selector = KINDS[kind](dim_of(candidates), floor=floor, calibration_frames=20)
    story = LiveStory()
    for start in range(0, len(candidates), 6):
        story.judge(selector, candidates[start : start + 6])
        pins = set(selector.pinned)
        live = sorted(story.live)
        choice = int(random.integers(0, 8))
        if choice == 0 and kind != "share":
            story.changed(selector.resize(int(random.integers(1, 10))))
        elif choice in (1, 2):
            least = selector.redundancy
            events = selector.evict_redundant("over-budget")
            assert len(events) == (least is not None)
            story.changed(events)
        elif choice == 3 and live:
            gone = [live[int(random.integers(len(live)))], FrameKey("nowhere", 3)]
            (event,) = selector.forget(gone, "lost")
            assert (event.frame.key, event.reason) == (gone[0], "lost")
            pins -= {gone[0]}
            story.changed([event])
        elif choice in (4, 5) and live:
            key = live[int(random.integers(len(live)))]
            assert selector.pin(key)
            pins |= {key}
        elif choice == 6 and pins:
            assert selector.unpin(pins.pop())
        assert selector.pinned == tuple(sorted(pins))
        story.check(selector, coverage=kind != "window")
    assert not selector.pin(FrameKey("nowhere", 3))
    assert not selector.unpin(FrameKey("nowhere", 3))


def test_it_decides_as_a_coreset_does() -> None:
    vectors = order("growing", 200, 6, seed=1)
    coreset = Coreset[int](9, 6, floor=0.05, window=4.0)
    selector = OnlineSelector(Budget(count=9), 6, floor=0.05, window=4.0)
    for index, vector in enumerate(vectors):
        (verdict,) = selector.judge([candidate(index, vector)])
        decision = coreset.offer(index, vector, time=index / 25, quality=0.5)
        assert (verdict.distance, verdict.threshold, verdict.reason) == (
            decision.distance, decision.threshold, decision.reason,
        )  # fmt: skip
        assert [e.frame.key.index for e in verdict.events] == [c.key for c in decision.changes]
    assert selector.coverage_bound == coreset.coverage_bound
    assert selector.spacing == coreset.spacing
    assert np.array_equal(selector.vectors(), np.stack([c.vector for c in coreset.centers()]))


def resting(number: int, seed: int, apart: float = 0.15, scene: int = 0) -> np.ndarray:
    """A camera that rests: noise alone separates its frames."""
    random = np.random.default_rng(seed)
    return unit(np.eye(64)[scene] + random.normal(size=(number, 64)) * apart / np.sqrt(128))


def test_a_resting_camera_is_decided_at_once_and_keeps_one_frame() -> None:
    vectors = resting(400, seed=2)
    selector = OnlineSelector(Budget(count=50), 64)
    story = LiveStory()
    verdicts = story.judge(selector, of(vectors))
    assert len(verdicts) == 400
    assert selector.floor == floor_from(vectors[:100])
    assert len(selector.kept) == 1
    # The first estimate comes after an eighth of the calibration.
    assert len(story.events) <= 2 * 12
    reasons = Counter(e.reason for e in story.events if isinstance(e, Evicted))
    assert reasons.keys() == {"near-duplicate"}


def test_the_feed_with_most_frames_tells_the_floor() -> None:
    gate, yard = resting(120, seed=3), resting(120, seed=4, apart=0.05, scene=9)
    both = []
    for index in range(120):
        both.append(candidate(index, gate[index], feed="gate"))
        if index % 3 == 0:
            both.append(candidate(index, yard[index], feed="yard"))
    selector = OnlineSelector(Budget(count=50), 64)
    LiveStory().judge(selector, both)
    assert selector.floor == floor_from(gate[:100])
    assert [key.feed for key in selector.kept] == ["gate", "yard"]


def test_the_floor_is_at_least_what_was_asked_for() -> None:
    for floor in ("auto", 0.05):
        selector = OnlineSelector(Budget(count=50), 3, floor=floor, min_distance=0.7)
        assert selector.floor == 0.7
        LiveStory().judge(selector, of(order("random", 120, 3, seed=7)))
        assert selector.floor == 0.7
        assert selector.redundancy is not None
        assert selector.redundancy > 0.7


def test_each_period_keeps_its_own_frames_for_good() -> None:
    vectors = order("random", 300, 16, seed=5)
    selector = OnlineSelector(Budget(count=10, period=2.0), 16, floor=0.0)
    story = LiveStory()
    story.judge(selector, of(vectors))
    in_period = Counter(key.index // 50 for key in selector.kept)
    assert in_period == dict.fromkeys(range(6), 10)
    assert (selector.size, selector.capacity) == (10, 10)
    assert {key.index // 50 for key in selector.kept if key.index >= 250} == {5}


def test_periods_are_aligned_and_an_empty_one_keeps_nothing() -> None:
    vectors = order("random", 40, 16, seed=6)
    selector = OnlineSelector(Budget(count=4, period=2.0), 16, floor=0.0)
    story = LiveStory()
    story.judge(selector, of(vectors[:20], first=1040))  # 41.6 s to 42.4 s
    assert Counter(key.index < 1050 for key in selector.kept) == {True: 4, False: 4}
    story.judge(selector, of(vectors[20:], first=9000))
    assert len(selector.kept) == 12


def test_a_resting_camera_keeps_one_frame_for_all_periods() -> None:
    selector = OnlineSelector(Budget(count=5, period=4.0), 64)
    story = LiveStory()
    passing = resting(10, seed=9, scene=5)
    for period in range(6):
        story.judge(selector, of(resting(90, seed=period), first=100 * period))
        # Something passes by in every second period.
        if period % 2:
            story.judge(selector, of(passing, first=100 * period + 90))
    assert [key.index for key in selector.kept] == [2, 190]
    story.check(selector)


def test_what_is_familiar_covers_and_says_so() -> None:
    scenes = np.eye(8, dtype=np.float32)
    selector = OnlineSelector(Budget(count=3, period=1.0), 8, floor=0.2)
    story = LiveStory()
    story.judge(selector, of(scenes[:3]))
    again, new = story.judge(selector, [*of(scenes[1:2], 30), *of(scenes[4:5], 31)])
    assert (again.outcome, again.reason, again.nearest) == (
        "covered", "near-duplicate", FrameKey("walk", 1),
    )  # fmt: skip
    assert (again.threshold, again.distance) == (0.2, 0.0)
    assert (new.outcome, selector.size) == ("kept", 1)
    # An evicted frame covers nothing any more.
    story.changed(selector.forget([FrameKey("walk", 1)], "lost"))
    assert story.judge(selector, of(scenes[1:2], 32))[0].outcome == "kept"


def test_a_warm_period_admits_less_than_a_cold_one() -> None:
    random = np.random.default_rng(7)
    vectors = unit(np.exp(random.normal(size=(4000, 1))) * random.normal(size=(4000, 12)) + 2.0)
    selector = OnlineSelector(Budget(count=20, period=40.0), 12, floor=0.0)
    admitted: Counter[int] = Counter()
    for verdict in selector.judge(of(vectors)):
        number = sum(isinstance(event, Kept) for event in verdict.events)
        admitted[verdict.frame.key.index // 1000] += number
    assert len(selector.kept) == 80
    assert max(admitted[1], admitted[2], admitted[3]) < 0.8 * admitted[0]


def test_a_share_is_kept_of_each_period_and_a_resting_feed_keeps_less() -> None:
    vectors = order("random", 1500, 24, seed=8)
    selector = OnlineSelector(Budget(share=0.1, period=20.0), 24, floor=0.0)
    story = LiveStory()
    story.judge(selector, of(vectors))
    kept = Counter(key.index // 500 for key in selector.kept)
    assert all(45 <= kept[period] <= 50 for period in range(3))
    still = OnlineSelector(Budget(share=0.1, period=20.0), 64)
    LiveStory().judge(still, of(resting(1000, seed=1)))
    assert len(still.kept) == 1


def test_a_share_follows_the_number_of_frames_refused_ones_included() -> None:
    vectors = order("random", 900, 24, seed=9)
    sparse = [one for one in of(vectors) if one.frame.key.index < 500 or one.frame.key.index % 5]
    fewer = [one for one in sparse if one.frame.key.index < 500 or one.frame.key.index % 2]
    selector = OnlineSelector(Budget(share=0.1, period=20.0), 24, floor=0.0)
    story = LiveStory()
    story.judge(selector, fewer[:500])
    assert selector.size == selector.capacity == 50
    story.judge(selector, fewer[500:])
    assert selector.capacity == 50  # as many as before are expected
    events = story.judge(selector, of(vectors[:1], first=1000))[0].events
    seen = len(fewer) - 500
    resized = [e for e in events if isinstance(e, Evicted) and e.reason == "resized"]
    kept = [key for key in selector.kept if 500 <= key.index < 1000]
    assert len(kept) <= math.ceil(0.1 * seen)
    assert resized
    story.check(selector)
    refused = OnlineSelector(Budget(share=0.5, period=100.0), 24, floor=0.0)
    refused.judge([candidate(index, None, "unchanged") for index in range(20)])
    assert refused.capacity == 10


def least_in_a_period(story: LiveStory, pinned: tuple[FrameKey, ...], frames: int) -> float | None:
    """The least redundancy of all periods of so many frames, from its definition."""
    gaps = [
        float(distances(one[None], other)[0])
        for key, one in ((key, c.embedding) for key, c in story.live.items())
        for near, other in ((key, c.embedding) for key, c in story.live.items())
        if key < near and key.index // frames == near.index // frames
        and not {key, near} <= {*pinned} and one is not None and other is not None
    ]  # fmt: skip
    return min(gaps, default=math.inf if len(story.live) > len(pinned) else None)


def test_bytes_are_taken_from_the_most_redundant_period_first() -> None:
    tight, wide = order("random", 50, 4, seed=1), order("random", 100, 40, seed=2)
    vectors = np.concatenate([np.pad(tight, ((0, 0), (0, 36))), wide])
    selector = OnlineSelector(Budget(count=8, period=2.0), 40, floor=0.0)
    story = LiveStory()
    story.judge(selector, of(vectors))
    pins = tuple(key for key in selector.kept if key.index < 50)[:2]
    assert all(selector.pin(key) for key in pins)
    from_tight = []
    while (least := selector.redundancy) is not None:
        assert least == least_in_a_period(story, pins, 50)
        (event,) = selector.evict_redundant("over-budget")
        assert isinstance(event, Evicted)
        assert event.distance == (None if math.isinf(least) else least)
        from_tight.append(event.frame.key.index < 50)
        story.changed([event])
    assert from_tight[:3] == [True] * 3
    assert len(from_tight) == 24 - 2
    assert selector.kept == selector.pinned == pins
    assert selector.evict_redundant("over-budget") == []
    assert selector.forget(pins, "lost")
    assert selector.kept == ()


def test_a_budget_in_bytes_does_not_make_it_churn() -> None:
    vectors = order("random", 600, 8, seed=11)
    selector = OnlineSelector(Budget(count=60), 8, floor=0.0)
    story = LiveStory()
    for one in of(np.concatenate([vectors[:300]] * 4)):
        story.judge(selector, [one])
        while selector.size > 15:
            story.changed(selector.evict_redundant("over-budget"))
    assert sum(isinstance(event, Kept) for event in story.events) <= 8 * 15
    story.check(selector)


def test_resizing_says_what_went_and_holds_for_later_periods() -> None:
    vectors = order("random", 100, 12, seed=12)
    selector = OnlineSelector(Budget(count=10, period=2.0), 12, floor=0.0)
    story = LiveStory()
    story.judge(selector, of(vectors[:40]))
    events = selector.resize(4)
    assert [event.reason for event in events] == ["resized"] * 6
    story.changed(events)
    assert (selector.size, selector.capacity, selector.budget.count) == (4, 4, 4)
    story.judge(selector, of(vectors[40:], 40))
    assert Counter(key.index // 50 for key in selector.kept) == {0: 4, 1: 4}
    with pytest.raises(ConfigurationError, match="count is 0"):
        selector.resize(0)
    with pytest.raises(ConfigurationError, match="its budget is a share"):
        OnlineSelector(Budget(share=0.5), 3).resize(5)


def test_a_feed_that_starts_over_does_not_turn_time_back() -> None:
    scenes = unit(np.eye(6))
    selector = OnlineSelector(Budget(count=6), 6, floor=0.0, window=10.0)
    story = LiveStory()
    story.judge(selector, of(scenes[:2], first=1000))
    story.judge(selector, of(scenes[2:4], first=0))
    assert len(selector.kept) == 4
    story.judge(selector, of(scenes[4:5], first=300))
    assert {key.index for key in selector.kept} == {300}


def test_frames_are_let_go_of_early() -> None:
    vectors = order("growing", 300, 6, seed=13)
    selector = OnlineSelector(Budget(count=4, period=3.0), 6, look_ahead=4)
    alive: weakref.WeakSet[Picture] = weakref.WeakSet()
    gc.disable()
    try:
        for index, vector in enumerate(vectors):
            offered = candidate(index, vector)
            alive.add(offered.frame.picture)
            selector.judge([offered])
            del offered
            # Kept ones, a witness for each of the current ones, and a block.
            assert len(alive) <= len(selector.kept) + selector.size + 4
    finally:
        gc.enable()


def test_verdicts_owed_are_given_at_the_end_and_frames_may_follow() -> None:
    vectors = order("random", 20, 4, seed=14)
    selector = OnlineSelector(Budget(count=3), 4, look_ahead=8)
    assert len(selector.judge(of(vectors[:10]))) == 8
    assert len(selector.finish()) == 2
    assert selector.finish() == []
    assert len(selector.judge(of(vectors[10:], 10))) == 8


def test_pinned_frames_of_ended_periods_stay() -> None:
    vectors = order("random", 100, 12, seed=15)
    selector = OnlineSelector(Budget(count=3, period=2.0), 12, floor=0.0)
    story = LiveStory()
    story.judge(selector, of(vectors))
    key = selector.kept[0]
    assert selector.pin(key)
    while story.live.keys() != {key}:
        story.changed(selector.evict_redundant("over-budget"))
    assert selector.evict_redundant("over-budget") == []
    assert selector.unpin(key)
    assert [event.frame.key for event in selector.evict_redundant("over-budget")] == [key]


def test_kept_frames_of_a_period_are_apart() -> None:
    selector = OnlineSelector(Budget(count=12, period=8.0), 5, floor=0.25)
    LiveStory().judge(selector, of(order("clusters", 150, 5, seed=16)))
    vectors = selector.vectors()
    for row in range(len(vectors)):
        assert distances(np.delete(vectors, row, axis=0), vectors[row]).min(initial=2.0) > 0.25


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"look_ahead": 0}, "look_ahead is 0"),
        ({"calibration_frames": 0}, "calibration_frames is 0"),
        ({"hysteresis": -1.0}, "hysteresis is -1.0"),
        ({"window": 0.0}, "window is 0.0"),
        ({"min_distance": 3.0}, "floor is 3.0"),
    ],
)
def test_values_out_of_bounds_are_refused(values: dict[str, float], message: str) -> None:
    made: Callable[..., OnlineSelector] = OnlineSelector
    with pytest.raises(ConfigurationError, match=message):
        made(Budget(count=3), 4, **values)


def test_while_a_period_fills_too_slowly_its_threshold_halves_four_times_a_period() -> None:
    scenes = np.eye(4, dtype=np.float32)
    selector = OnlineSelector(Budget(count=3, period=4.0), 4, floor=0.0)
    selector.judge(of(scenes[:3]))
    warm = 0.85 * math.sqrt(2.0)
    selector.judge(of(scenes[3:], 100))
    told = [selector.judge(of(scenes[3:], index))[0].threshold for index in (125, 150, 175, 199)]
    # One of three is enough for the first third of the period.
    assert told == pytest.approx([warm, warm / 2, warm / 4, warm / 4 / 2 ** (24 / 25)])


@pytest.mark.parametrize(("begun", "capacity"), [(19.0, 1), (18.0, 50), (10.0, 50)])
def test_a_rate_is_believed_once_a_tenth_of_a_period_was_seen(begun: float, capacity: int) -> None:
    selector = OnlineSelector(Budget(share=0.1, period=20.0), 24, floor=0.0)
    vectors = order("random", 501, 24, seed=10)
    first = round(25 * begun)
    selector.judge(of(vectors[: 500 - first], first))
    selector.judge(of(vectors[500:], 500))
    assert selector.capacity == capacity


def test_without_a_floor_an_exact_repeat_of_an_earlier_period_is_still_familiar() -> None:
    scenes = np.eye(8, dtype=np.float32)
    selector = OnlineSelector(Budget(count=3, period=1.0), 8, floor=0.0)
    selector.judge(of(scenes[:3]))
    (again,) = selector.judge(of(scenes[1:2], 30))
    assert (again.outcome, again.reason, again.nearest) == (
        "covered", "near-duplicate", FrameKey("walk", 1),
    )  # fmt: skip


def test_what_may_be_recalled_is_told_and_stays_bounded() -> None:
    selector = OnlineSelector(Budget(count=12), 5)
    story = LiveStory()
    recalls = once = 0
    for one in of(order("growing", 900, 5, seed=3)):
        might, ever = selector.recallable, set(story.candidates) - set(selector.kept)
        assert len(might) <= selector.size
        assert might <= ever
        (verdict,) = story.judge(selector, [one])
        for event in verdict.events:
            if isinstance(event, Kept) and event.reason == "recalled":
                recalls += 1
                once += event.frame.key in might
    assert 0 < once <= recalls
    fresh = OnlineSelector(Budget(count=12), 5)
    fresh.restore(selector.state(), list(story.live.values()))
    assert selector.recallable
    assert not fresh.recallable


def test_what_a_budget_in_bytes_evicts_cannot_be_recalled() -> None:
    selector = OnlineSelector(Budget(count=40), 6)
    story = LiveStory()
    story.judge(selector, of(order("random", 200, 6, seed=5)))
    while selector.size > 1:
        (event,) = selector.evict_redundant("over-budget")
        story.changed([event])
        assert event.frame.key not in selector.recallable
        assert len(selector.recallable) <= selector.size
        story.check(selector)


def test_what_a_forgotten_frame_stood_for_is_still_covered() -> None:
    selector = OnlineSelector(Budget(count=10), 6)
    story = LiveStory()
    story.judge(selector, of(order("growing", 300, 6, seed=6)))
    for left in range(9, 0, -1):
        (event,) = selector.forget(selector.kept[:1], "lost")
        assert isinstance(event, Evicted)
        assert event.by in selector.kept
        assert event.frame.key not in selector.recallable
        story.changed([event])
        assert selector.size == left
        story.check(selector)
    (last,) = selector.forget(selector.kept, "lost")
    assert isinstance(last, Evicted)
    assert last.by is None
