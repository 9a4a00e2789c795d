from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.coreset.assign import assign
from streamsel.coreset.refine import best_of_starts
from streamsel.decisions import Event, Evicted, Kept, Verdict
from streamsel.frame import Candidate, FrameKey, Vectors
from streamsel.interfaces.selectors import Selector
from streamsel.selection.baselines import RandomSelector, Reservoir, UniformSelector, uniform
from streamsel.selection.two_pass import TwoPassSelector
from tests.coreset.candidates import candidate
from tests.coreset.test_greedy import EXAMPLES, clouds, unit


def stream(vectors: Vectors, refused: Sequence[bool] = ()) -> list[Candidate]:
    """A frame a vector; those in ``refused`` were refused by the prefilter."""
    flags = [*refused, *[False] * len(vectors)]
    return [
        candidate(index, None, "blurred") if flags[index] else candidate(index, vector)
        for index, vector in enumerate(vectors)
    ]


@st.composite
def streams(draw: st.DrawFn) -> tuple[Vectors, list[bool]]:
    vectors = draw(clouds(most=80))
    size = len(vectors)
    return vectors, draw(st.lists(st.booleans(), min_size=size, max_size=size))


def run(selector: Selector, frames: Sequence[Candidate], batch: int = 1000) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for begin in range(0, len(frames), batch):
        verdicts += selector.judge(frames[begin : begin + batch])
    return verdicts + selector.finish()


def told(verdicts: Sequence[Verdict]) -> list[tuple[object, ...]]:
    """All that the verdicts say, with frames by their key."""

    def event(one: Event) -> tuple[object, ...]:
        if isinstance(one, Kept):
            return ("kept", one.frame.key, one.distance, one.nearest, one.threshold, one.reason)
        return ("evicted", one.frame.key, one.by, one.distance, one.reason)

    return [
        (
            one.frame.key,
            one.outcome,
            one.reason,
            one.distance,
            one.nearest,
            one.threshold,
            tuple(event(change) for change in one.events),
        )
        for one in verdicts
    ]


def replay(verdicts: Sequence[Verdict]) -> tuple[FrameKey, ...]:
    """Play the events back: what is live at the end. Nothing may enter twice or leave twice."""
    live: set[FrameKey] = set()
    for verdict in verdicts:
        for event in verdict.events:
            if isinstance(event, Kept):
                assert event.frame.key not in live
                live.add(event.frame.key)
            else:
                live.remove(event.frame.key)
    return tuple(sorted(live))


SELECTORS: dict[str, Callable[[], Selector]] = {
    "two-pass": lambda: TwoPassSelector(6, min_distance=0.1),
    "chunked": lambda: TwoPassSelector(4, chunk=7),
    "random": lambda: RandomSelector(5, seed=3),
    "uniform": lambda: UniformSelector(5, {"walk": 60 / 25}),
}


@pytest.mark.parametrize("name", SELECTORS)
@EXAMPLES
@given(case=streams(), batch=st.integers(1, 90))
def test_every_selector_keeps_to_the_contract(
    name: str, case: tuple[Vectors, list[bool]], batch: int
) -> None:
    frames = stream(*case)
    selector, other = SELECTORS[name](), SELECTORS[name]()
    assert selector.kept == ()
    verdicts = run(selector, frames, batch)
    assert [one.frame.key for one in verdicts] == [one.frame.key for one in frames]
    assert told(verdicts) == told(run(other, frames))
    assert replay(verdicts) == selector.kept
    assert len(selector.kept) <= 6
    for frame, verdict in zip(frames, verdicts, strict=True):
        entered = [one for one in verdict.events if isinstance(one, Kept)]
        assert [one.frame.key for one in entered] == [frame.frame.key] * len(entered)
        assert bool(entered) == (verdict.outcome == "kept")
        assert (verdict.outcome == "refused") == (frame.embedding is None)
        if frame.embedding is None:
            assert verdict.reason == "blurred"
    assert selector.finish() == []


@pytest.mark.parametrize("name", SELECTORS)
def test_bad_embeddings_are_refused_and_change_nothing(name: str) -> None:
    good = stream(unit(np.random.default_rng(0).normal(size=(40, 3))))
    bad = [[np.nan, 0, 0], [np.inf, 0, 0], [0, 0, 0], [1, 1, 0], [0.5, 0, 0]]
    frames = [
        *good[:20],
        *(candidate(100 + n, np.array(row, np.float32)) for n, row in enumerate(bad)),
        *good[20:],
    ]
    selector, clean = SELECTORS[name](), SELECTORS[name]()
    verdicts = run(selector, frames)
    for verdict in verdicts[20:25]:
        assert (verdict.outcome, verdict.reason) == ("refused", "invalid-embedding")
        assert verdict.distance is None
        assert verdict.nearest is None
    run(clean, good)
    if name != "uniform":  # it counts refused frames too
        assert selector.kept == clean.kept


@EXAMPLES
@given(streams(), st.integers(1, 12), st.sampled_from([0.0, 0.2]))
def test_two_passes_choose_what_offline_refinement_chooses(
    case: tuple[Vectors, list[bool]], count: int, min_distance: float
) -> None:
    vectors, flags = case
    rows = np.flatnonzero(~np.array(flags))
    selector = TwoPassSelector(count, min_distance=min_distance)
    verdicts = run(selector, stream(vectors, flags))
    found = best_of_starts(vectors[rows], count, min_distance=min_distance)
    chosen = np.sort(rows[found.indices])
    assert [key.index for key in selector.kept] == chosen.tolist()
    assert not any(isinstance(event, Evicted) for one in verdicts for event in one.events)
    for index, verdict in enumerate(verdicts):
        if verdict.outcome == "covered":
            expected = assign(vectors[[index]], vectors[chosen])
            assert verdict.distance == expected.distances[0]
            assert verdict.nearest == FrameKey("walk", int(chosen[expected.nearest[0]]))
            assert verdict.distance is not None
            assert verdict.threshold is not None
            assert verdict.distance <= verdict.threshold
            near = verdict.distance <= min_distance
            assert verdict.reason == ("near-duplicate" if near else "covered")


@EXAMPLES
@given(streams(), st.integers(1, 6), st.integers(0, 20), st.sampled_from([0.0, 0.2]))
def test_chunks_keep_to_the_bound(
    case: tuple[Vectors, list[bool]], count: int, extra: int, min_distance: float
) -> None:
    vectors, flags = case
    selector = TwoPassSelector(count, min_distance=min_distance, chunk=count + extra)
    verdicts = run(selector, stream(vectors, flags))
    rows = np.flatnonzero(~np.array(flags))
    if len(rows) == 0:
        return
    kept = vectors[[key.index for key in selector.kept]]
    assert len(kept) <= count
    if len(kept) > 1:
        pairs = assign(kept[1:], kept[:1]).distances
        assert pairs.min() > min_distance
    # The radius of farthest first is at least the optimum.
    whole = best_of_starts(vectors[rows], count).radius
    bound = 2 * max(2.04 * whole, 1.02 * min_distance)
    assert assign(vectors[rows], kept).distances.max() <= bound + 1e-9
    for verdict in verdicts:
        for event in verdict.events:
            if isinstance(event, Kept):
                assert event.distance is None or event.distance > min_distance
            else:
                assert event.by in selector.kept
                assert event.reason == "merged"
                left, right = vectors[[event.frame.key.index]], vectors[[event.by.index]]
                assert event.distance == assign(left, right).distances[0]


@EXAMPLES
@given(streams(), st.integers(1, 12), st.integers(0, 3))
def test_a_chunk_that_holds_everything_changes_nothing(
    case: tuple[Vectors, list[bool]], count: int, spare: int
) -> None:
    frames = stream(*case)
    whole = run(TwoPassSelector(count), frames)
    size = max(count, len(frames) + spare)
    assert told(run(TwoPassSelector(count, chunk=size), frames)) == told(whole)


def test_a_full_chunk_comes_out_and_its_losers_leave_with_the_last_verdict() -> None:
    vectors = unit(np.random.default_rng(4).normal(size=(25, 6)))
    frames = stream(vectors)
    selector = TwoPassSelector(3, chunk=10)
    assert selector.judge(frames[:10]) == []
    first = selector.judge(frames[10:11])
    assert [one.frame.key for one in first] == [one.frame.key for one in frames[:10]]
    assert len(selector.kept) == 3
    second = selector.judge(frames[11:])
    assert len(second) == 10
    assert len(selector.kept) == 6
    last = selector.finish()
    assert len(last) == 5
    assert len(selector.kept) == 3
    assert not any(isinstance(event, Evicted) for one in last[:-1] for event in one.events)
    assert replay([*first, *second, *last]) == selector.kept


def test_a_repeated_scene_is_not_kept_by_every_chunk() -> None:
    scene = unit(np.random.default_rng(5).normal(size=(5, 6)))
    verdicts = run(TwoPassSelector(5, chunk=10), stream(np.tile(scene, (10, 1))))
    assert sum(one.outcome == "kept" for one in verdicts) == 5
    assert {one.reason for one in verdicts[5:]} == {"near-duplicate"}


def test_refused_frames_between_the_candidates_are_bounded_too() -> None:
    selector = TwoPassSelector(2, chunk=5)
    frames = [candidate(0, np.array([1, 0], np.float32))]
    frames += [candidate(index, None, "blurred") for index in range(1, 60)]
    early = selector.judge(frames)
    assert len(frames) - len(early) <= 20
    assert told([*early, *selector.finish()]) == told(run(TwoPassSelector(2), frames))


def test_waiting_candidates_hold_no_thumbnail() -> None:
    frames = stream(np.eye(3, dtype=np.float32))
    verdicts = run(TwoPassSelector(2), frames)
    assert all(one.candidate.prefiltered.thumbnail is None for one in verdicts)
    assert all(one.prefiltered.thumbnail is not None for one in frames)
    assert all(
        verdict.frame is frame.frame for verdict, frame in zip(verdicts, frames, strict=True)
    )


def test_kept_frames_say_how_far_they_were_from_those_before() -> None:
    square = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    events = [event for one in run(TwoPassSelector(3), stream(square)) for event in one.events]
    assert [(e.distance, e.nearest) for e in events if isinstance(e, Kept)] == [
        (None, None),
        (pytest.approx(np.sqrt(2)), FrameKey("walk", 0)),
        (pytest.approx(np.sqrt(2)), FrameKey("walk", 1)),
    ]


@EXAMPLES
@given(streams(), st.integers(1, 10), st.integers(0, 2**32))
def test_random_keeps_the_reservoir_of_the_candidates(
    case: tuple[Vectors, list[bool]], count: int, seed: int
) -> None:
    vectors, flags = case
    selector = RandomSelector(count, seed=seed)
    run(selector, stream(vectors, flags))
    reservoir: Reservoir[int] = Reservoir(count, seed)
    for index in np.flatnonzero(~np.array(flags)).tolist():
        reservoir.offer(index)
    assert [key.index for key in selector.kept] == sorted(reservoir.items)


def test_a_random_sample_is_drawn_at_once() -> None:
    selector = RandomSelector(3, seed=1)
    for frame in stream(unit(np.random.default_rng(6).normal(size=(9, 3)))):
        assert [one.frame.key for one in selector.judge([frame])] == [frame.frame.key]


@EXAMPLES
@given(clouds(most=80), st.integers(1, 20))
def test_uniform_keeps_the_evenly_spread_ordinals(vectors: Vectors, count: int) -> None:
    selector = UniformSelector(count, {"walk": len(vectors) / 25})
    run(selector, stream(vectors))
    assert [key.index for key in selector.kept] == uniform(len(vectors), count).tolist()


def test_frames_of_several_feeds_are_spread_over_the_time_of_all() -> None:
    selector = UniformSelector(3, {"walk": 4 / 25, "gone": 0.0, "park": 8 / 25}, start=1.0)
    frames = [
        *(candidate(25 + index, np.array([1, 0], np.float32)) for index in range(4)),
        *(candidate(25 + index, np.array([1, 0], np.float32), feed="park") for index in range(8)),
    ]
    run(selector, frames)
    expected = [("park", 26), ("park", 30), ("walk", 26)]
    assert [(key.feed, key.index) for key in selector.kept] == expected


def test_the_next_frame_takes_the_place_of_a_refused_one() -> None:
    vectors = unit(np.random.default_rng(7).normal(size=(12, 3)))
    assert uniform(12, 3).tolist() == [1, 5, 9]
    flags = [index in (1, 5, 6, 7, 8, 9) for index in range(12)]
    selector = UniformSelector(3, {"walk": 12 / 25})
    run(selector, stream(vectors, flags))
    assert [key.index for key in selector.kept] == [2, 10, 11]


@pytest.mark.parametrize(("count", "chunk"), [(0, 10), (11, 10)])
def test_a_count_that_does_not_fit_a_chunk_is_named(count: int, chunk: int) -> None:
    with pytest.raises(ValueError, match=f"count is {count}"):
        TwoPassSelector(count, chunk=chunk)


def test_near_duplicates_within_a_chunk_are_not_kept_for_now_either() -> None:
    scenes = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    scenes[1::2] = unit(scenes[1::2] + np.float32(0.05))
    selector = TwoPassSelector(5, min_distance=0.2, chunk=6)
    verdicts = selector.judge(stream(np.concatenate([scenes, scenes[:1]])))
    assert len(verdicts) == 6
    assert [one.reason for one in verdicts] == ["novel", "near-duplicate"] * 3
    assert [key.index for key in selector.kept] == [0, 2, 4]
