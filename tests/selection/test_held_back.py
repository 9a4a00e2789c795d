from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.coreset import Coreset
from streamsel.decisions import Evicted, Kept, Verdict
from streamsel.errors import ConfigurationError
from streamsel.frame import Candidate, FrameKey, Picture
from streamsel.interfaces.selectors import Selector
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from tests.coreset.candidates import candidate
from tests.coreset.orders import EXAMPLES, order, streams, unit
from tests.selection.floors import floor_from


def held_back(count: int, dim: int, *, look_ahead: int = 32, **more: Any) -> OnlineSelector:
    """A selector as for files: frames wait for the calibration, and are decided in blocks."""
    return OnlineSelector(
        Budget(count=count), dim, calibration="held-back", look_ahead=look_ahead, **more
    )


def judged(
    selector: Selector, candidates: Sequence[Candidate], batch: int
) -> tuple[list[Verdict], list[int]]:
    """All verdicts, and how many there were after each batch."""
    verdicts: list[Verdict] = []
    lengths = []
    for start in range(0, len(candidates), batch):
        verdicts += selector.judge(candidates[start : start + batch])
        lengths.append(len(verdicts))
    return verdicts + selector.finish(), lengths


@st.composite
def feeds(draw: st.DrawFn) -> list[Candidate]:
    """Candidates of which some were refused and some have no valid embedding."""
    vectors = draw(streams()).copy()
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    vectors[random.random(len(vectors)) < 0.05] = np.nan
    share = draw(st.sampled_from([0.0, 0.3, 1.0]))
    return [
        candidate(index, None, "blurred")
        if random.random() < share
        else candidate(index, vector, sharpness=float(random.random()))
        for index, vector in enumerate(vectors)
    ]


def dim_of(candidates: Sequence[Candidate]) -> int:
    return next((len(c.embedding) for c in candidates if c.embedding is not None), 3)


floors = st.sampled_from(["auto", 0.0, 0.3])


@EXAMPLES
@given(
    feeds(), st.integers(1, 12), floors, st.sampled_from([1, 8, 32]), st.sampled_from([1, 20, 100])
)
def test_verdicts_do_not_depend_on_how_candidates_are_handed_over(
    candidates: list[Candidate], count: int, floor: float, look_ahead: int, calibration: int
) -> None:
    runs = []
    for batch in (1, 7, 32, len(candidates)):
        selector = held_back(
            count,
            dim_of(candidates),
            floor=floor,
            look_ahead=look_ahead,
            calibration_frames=calibration,
        )
        verdicts, _ = judged(selector, candidates, batch)
        assert [verdict.candidate for verdict in verdicts] == candidates
        runs.append((verdicts, selector.kept, selector.floor))
    assert all(run == runs[0] for run in runs)


@EXAMPLES
@given(feeds(), st.integers(1, 12), floors)
def test_verdicts_say_what_became_of_each_frame(
    candidates: list[Candidate], count: int, floor: float
) -> None:
    selector = held_back(count, dim_of(candidates), floor=floor)
    verdicts, _ = judged(selector, candidates, 10)
    live: set[FrameKey] = set()
    for verdict in verdicts:
        embedding = verdict.candidate.embedding
        if embedding is None:
            assert (verdict.outcome, verdict.reason) == ("refused", "blurred")
        elif np.isnan(embedding).any():
            assert (verdict.outcome, verdict.reason) == ("refused", "invalid-embedding")
        else:
            assert (verdict.outcome, verdict.reason) in {
                ("kept", "novel"), ("covered", "covered"), ("covered", "near-duplicate"),
            }  # fmt: skip
        for event in verdict.events:
            # Nothing is said of frames with outstanding verdicts.
            assert event.frame.key <= verdict.frame.key
            if isinstance(event, Kept):
                live.add(event.frame.key)
            else:
                assert event.by in live
                live.remove(event.frame.key)
        assert len(live) <= count
    assert tuple(sorted(live)) == selector.kept


def test_it_decides_as_the_coreset_does_in_blocks_of_what_was_embedded() -> None:
    vectors = order("growing", 200, 6, seed=1)
    coreset = Coreset[int](9, 6, floor=0.05)
    decisions = [
        decision
        for start in range(0, 200, 32)
        for decision in coreset.offer_block(
            range(start, min(start + 32, 200)), vectors[start : start + 32]
        )
    ]
    candidates: list[Candidate] = []
    for vector in vectors:
        candidates += [candidate(len(candidates), vector), candidate(len(candidates) + 1, None, "")]
    selector = held_back(9, 6, floor=0.05)
    verdicts, _ = judged(selector, candidates, 50)
    measured = verdicts[::2]
    assert [v.distance for v in measured] == [d.distance for d in decisions]
    assert [v.threshold for v in measured] == [d.threshold for d in decisions]
    assert [[e.frame.key.index // 2 for e in v.events] for v in measured] == [
        [change.key for change in d.changes] for d in decisions
    ]
    assert [key.index // 2 for key in selector.kept] == [*coreset.keys]


def test_verdicts_come_as_soon_as_their_block_is_full() -> None:
    vectors = order("random", 10, 4, seed=2)
    candidates = [candidate(0, None, "dark")]
    candidates += [candidate(1 + i, vector) for i, vector in enumerate(vectors)]
    candidates.insert(3, candidate(99, None, "dark"))
    selector = held_back(5, 4, floor=0.1, look_ahead=4)
    verdicts, lengths = judged(selector, candidates, 1)
    assert lengths == [1, 1, 1, 1, 1, 6, 6, 6, 6, 10, 10, 10]
    assert [verdict.candidate for verdict in verdicts] == candidates


def test_calibration_holds_the_first_frames_back_and_sets_the_floor() -> None:
    vectors = unit(1.0 + 0.02 * np.random.default_rng(3).normal(size=(60, 64)))
    selector = held_back(5, 64, look_ahead=8, calibration_frames=20)
    candidates = [candidate(index, vector) for index, vector in enumerate(vectors)]
    assert selector.judge(candidates[:19]) == []
    assert selector.floor == 0.0
    assert len(selector.judge(candidates[19:20])) == 16
    assert selector.floor == floor_from(vectors[:20]) > 0.0
    assert len(selector.judge(candidates[20:]) + selector.finish()) == 44
    assert selector.kept == (FrameKey("walk", 0),)


def test_after_a_restart_frames_wait_only_if_the_floor_is_not_known_yet() -> None:
    vectors = unit(1.0 + 0.02 * np.random.default_rng(3).normal(size=(41, 64)))
    candidates = [candidate(index, vector) for index, vector in enumerate(vectors)]
    selector, waiting = (held_back(5, 64, look_ahead=1, calibration_frames=20) for _ in range(2))
    waiting.restore(selector.state(), [])
    assert waiting.judge(candidates[:19]) == []
    selector.judge(candidates[:20])
    restored = held_back(5, 64, look_ahead=1, calibration_frames=20)
    restored.restore(selector.state(), candidates[:1])
    assert restored.floor == selector.floor > 0.0
    assert [verdict.outcome for verdict in restored.judge(candidates[20:21])] == ["covered"]


def test_a_stream_shorter_than_the_calibration_is_calibrated_on_what_there_is() -> None:
    vectors = unit(1.0 + 0.02 * np.random.default_rng(4).normal(size=(50, 64)))
    selector = held_back(5, 64)
    verdicts, _ = judged(selector, [candidate(i, v) for i, v in enumerate(vectors)], 9)
    assert len(verdicts) == 50
    assert selector.floor == floor_from(vectors)
    assert len(selector.kept) == 1


@pytest.mark.parametrize("number", [0, 1, 2])
def test_too_few_frames_to_calibrate_have_no_floor(number: int) -> None:
    vectors = order("random", 2, 6, seed=5)[:number]
    selector = held_back(5, 6)
    verdicts, _ = judged(selector, [candidate(i, v) for i, v in enumerate(vectors)], 1)
    assert (len(verdicts), selector.floor, len(selector.kept)) == (number, 0.0, number)
    assert selector.finish() == []


def test_of_interleaved_feeds_the_one_with_most_frames_tells_the_floor() -> None:
    random = np.random.default_rng(6)
    noise = 0.02 * random.normal(size=(2, 60, 64))
    gate, yard = unit(1.0 + noise[0]), unit(np.tile([1.0, -1.0], 32) + noise[1])
    both = []
    for index in range(60):
        both.append(candidate(index, gate[index], feed="gate"))
        if index % 2 == 0:
            both.append(candidate(index, yard[index], feed="yard"))
    selector = held_back(5, 64)
    judged(selector, both, 20)
    assert selector.floor == floor_from(gate)
    assert [key.feed for key in selector.kept] == ["gate", "yard"]


def test_the_floor_is_at_least_the_distance_that_was_asked_for() -> None:
    vectors = order("random", 80, 3, seed=7)
    candidates = [candidate(index, vector) for index, vector in enumerate(vectors)]
    for floor in ("auto", 0.05):
        selector = held_back(50, 3, floor=floor, min_distance=0.7)
        assert selector.floor == 0.7
        judged(selector, candidates, 80)
        assert selector.floor == 0.7
        assert selector.redundancy is not None
        assert selector.redundancy > 0.7


def test_media_time_and_sharpness_reach_the_coreset() -> None:
    scene = np.eye(3, dtype=np.float32)
    selector = held_back(3, 3, floor=0.1, look_ahead=2, window=1.0)
    first = selector.judge([candidate(0, scene[0], sharpness=0.1), candidate(1, scene[0])])
    assert [verdict.outcome for verdict in first] == ["covered", "kept"]
    late = selector.judge([candidate(50, scene[1]), candidate(51, scene[1])])
    assert [type(event) for event in late[0].events] == [Evicted, Kept]
    assert late[0].events[0] == Evicted(first[1].frame, None, None, "expired")


def test_frames_are_let_go_of_early() -> None:
    vectors = order("growing", 300, 6, seed=8)
    selector = held_back(6, 6, look_ahead=8, calibration_frames=40)
    alive: weakref.WeakSet[Picture] = weakref.WeakSet()
    evicted = 0
    gc.disable()
    try:
        for index, vector in enumerate(vectors):
            offered = candidate(index, vector)
            alive.add(offered.frame.picture)
            events = [event for verdict in selector.judge([offered]) for event in verdict.events]
            evicted += sum(isinstance(event, Evicted) for event in events)
            del offered, events
            assert len(alive) <= max(40, 2 * 6 + 8)
    finally:
        gc.enable()
    assert evicted > 0


def test_values_out_of_bounds_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="look_ahead is 0"):
        held_back(5, 3, look_ahead=0)
    with pytest.raises(ConfigurationError, match="calibration_frames is 0"):
        held_back(5, 3, calibration_frames=0)
    with pytest.raises(ConfigurationError, match="count is 0"):
        held_back(0, 3)
    with pytest.raises(ConfigurationError, match=r"walk-000004 has the shape \(2,\)"):
        held_back(5, 3).judge([candidate(4, np.ones(2, np.float32))])


def test_the_time_of_each_feed_goes_on_where_others_had_got_to() -> None:
    scenes = unit(np.eye(8))
    selector = held_back(8, 8, floor=0.0, look_ahead=1, window=4.0)
    first = [candidate(25 * second, scenes[second % 4], feed="a") for second in range(12)]
    second = [candidate(25 * second, scenes[4 + second % 4], feed="b") for second in range(12)]
    selector.judge(first)
    selector.judge(second[:3])
    assert {key.feed for key in selector.kept} == {"a", "b"}
    selector.judge(second[3:])
    assert {key.feed for key in selector.kept} == {"b"}
    assert len(selector.kept) == 4
