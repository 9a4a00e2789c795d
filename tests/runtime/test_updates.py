"""Judgements on their way: merging never changes what is kept in the end, pictures are bounded."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.decisions import Event, Evicted, Kept, SelectionUpdate, Verdict
from streamsel.errors import SourceError
from streamsel.frame import Candidate, EncodedPicture, Frame, FrameKey, Picture
from streamsel.runtime.updates import encoded, merge, picture_bytes, without_pictures
from tests.runtime.live_line import encode
from tests.runtime.live_stages import live_frame, prefiltered


def kept(frame: Frame) -> Kept:
    return Kept(frame, None, None, 0.0, "novel")


def evicted(frame: Frame) -> Evicted:
    return Evicted(frame, None, None, "closest-pair")


def verdict(index: int, events: tuple[Event, ...] = ()) -> Verdict:
    candidate = Candidate(prefiltered("a", index), None)
    return Verdict(candidate, "covered", "covered", None, None, None, events)


def after(stored: set[FrameKey], update: SelectionUpdate) -> set[FrameKey]:
    """What is stored once a sink has applied an update, checking each step of it."""
    stored = set(stored)
    for event in update.events:
        if isinstance(event, Kept):
            assert event.frame.key not in stored
            stored.add(event.frame.key)
        else:
            stored.remove(event.frame.key)
    return stored


@st.composite
def histories(draw: st.DrawFn) -> tuple[set[FrameKey], list[SelectionUpdate]]:
    """What is stored at first, and updates that follow from it one after another."""
    stored = {FrameKey("a", index) for index in range(draw(st.integers(0, 3)))}
    present, updates, count = set(stored), [], 0
    for number in range(draw(st.integers(1, 6))):
        parts: tuple[list[Event], list[Event]] = ([], [])
        for part in parts:
            for _ in range(draw(st.integers(0, 4))):
                index = draw(st.integers(0, 5))
                frame = live_frame("a", index)
                part.append(evicted(frame) if frame.key in present else kept(frame))
                present ^= {frame.key}
        verdicts = [verdict(100 + count)]
        verdicts += [verdict(200 + count + at, (event,)) for at, event in enumerate(parts[0])]
        count += len(verdicts)
        state = draw(st.sampled_from([None, f"state {number}".encode()]))
        updates.append(SelectionUpdate("a", tuple(verdicts), tuple(parts[1]), state))
    return stored, updates


@given(histories())
def test_merged_judgements_leave_the_same_frames_stored(
    history: tuple[set[FrameKey], list[SelectionUpdate]],
) -> None:
    stored, updates = history
    merged = reduce(merge, updates)
    assert after(stored, merged) == reduce(after, updates, stored)
    if len(updates) > 1:
        assert all(one.events for one in merged.verdicts)
        keys = [event.frame.key for event in merged.events]
        assert len(keys) == len(set(keys))
        known = {event.frame.key for event in merged.events if isinstance(event, Evicted)}
        assert known <= stored
    states = [one.state for one in updates if one.state is not None]
    assert merged.state == (states[-1] if states else None)


@given(histories(), st.integers(0, 6))
def test_it_does_not_matter_which_are_merged_first(
    history: tuple[set[FrameKey], list[SelectionUpdate]], cut: int
) -> None:
    stored, updates = history
    parts = [part for part in (updates[:cut], updates[cut:]) if part]
    merged = [reduce(merge, part) for part in parts]
    assert reduce(after, merged, stored) == reduce(after, updates, stored)
    assert after(stored, reduce(merge, merged)) == reduce(after, updates, stored)


def test_a_frame_that_came_and_went_is_not_heard_of() -> None:
    frame, other = live_frame("a", 1), live_frame("a", 2)
    first = SelectionUpdate("a", (verdict(1, (kept(frame),)), verdict(2, (kept(other),))))
    second = SelectionUpdate("a", (), (evicted(frame),), b"newest")
    merged = merge(first, second)
    assert [event.frame.key.index for event in merged.events] == [2]
    assert merged.state == b"newest"


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 200))
def test_the_oldest_pictures_are_given_up_and_no_frame_is(
    sizes: list[int], most_bytes: int
) -> None:
    frames = [live_frame("a", index, size_bytes=size) for index, size in enumerate(sizes)]
    update = SelectionUpdate(
        "a", tuple(verdict(index, (kept(frame),)) for index, frame in enumerate(frames))
    )
    lighter = without_pictures(update, most_bytes)
    assert picture_bytes(lighter) <= max(most_bytes, 0)
    assert [event.frame.key for event in lighter.events] == [frame.key for frame in frames]
    has_picture = [event.frame.picture.encoded is not None for event in lighter.events]
    assert has_picture == sorted(has_picture)
    assert sum(sizes) > most_bytes or all(has_picture)
    assert all(frame.picture.encoded is not None for frame in frames)


def test_kept_frames_are_encoded_and_let_go_of_their_pixels() -> None:
    def taken(index: int, image: av.VideoFrame | None) -> Frame:
        frame = live_frame("a", index)
        return Frame(frame.key, None, frame.time_base, 0.0, 8, 8, Picture(image), frame.wall_time)

    pixels, gone = taken(1, av.VideoFrame(64, 64, "gray")), taken(2, None)
    leaving = taken(3, av.VideoFrame(64, 64, "gray"))
    update = SelectionUpdate(
        "a", (verdict(1, (kept(pixels), evicted(leaving))),), (kept(gone),), b"state"
    )
    ready = encoded(update, encode)
    first, second, third = (event.frame.picture for event in ready.events)
    assert (first.image, first.encoded) == (None, encode(pixels.picture))
    assert second is leaving.picture
    assert third.encoded is None
    assert pixels.picture.held_bytes == 0
    assert (ready.scope, ready.state) == ("a", b"state")


def test_what_cannot_be_encoded_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    def frame(index: int) -> Frame:
        made, image = live_frame("gate", index), av.VideoFrame(64, 64, "gray")
        return Frame(made.key, None, made.time_base, 0.0, 8, 8, Picture(image), made.wall_time)

    def refuse(_: Picture) -> EncodedPicture:
        raise SourceError("its picture cannot be encoded: made up")

    update = SelectionUpdate("gate", (), (kept(frame(7)), evicted(frame(3))), None)
    with caplog.at_level("WARNING", "streamsel.feeds"):
        ready = encoded(update, refuse)
    assert [event.frame.key.index for event in ready.events] == [7, 3]
    assert ready.events[0].frame.picture.held_bytes == 0
    assert [one.getMessage() for one in caplog.records] == [
        "feed 'gate': frame 7 is given up: its picture cannot be encoded: made up"
    ]


def test_a_frame_that_may_be_recalled_keeps_its_picture_while_it_waits() -> None:
    frame, bare = live_frame("a", 1), replace(live_frame("a", 1), picture=Picture(None))
    spare = frozenset({frame.key})
    came = SelectionUpdate("a", (verdict(1, (kept(frame),)),), (), b"1", frozenset())
    went = SelectionUpdate("a", (verdict(2, (evicted(bare),)),), (), b"2", spare)
    quiet = SelectionUpdate("a", (verdict(3),))
    back = SelectionUpdate("a", (verdict(4, (kept(bare),)),), (), b"4", frozenset())
    forgotten = SelectionUpdate("a", (verdict(5),), (), b"5", frozenset())

    waiting = reduce(merge, [came, went, quiet])
    assert [type(event) for event in waiting.events] == [Kept, Evicted]
    assert waiting.events[0].frame.picture.encoded is not None
    assert waiting.recallable == spare

    (event,) = merge(waiting, back).events
    assert isinstance(event, Kept)
    assert event.frame.picture.encoded is not None
    assert merge(waiting, forgotten).events == ()


def test_a_frame_that_comes_goes_and_comes_in_one_turn_has_its_picture_each_time() -> None:
    made = live_frame("a", 1)
    frame = replace(made, picture=Picture(av.VideoFrame(64, 64, "gray")))
    turn = SelectionUpdate("a", (verdict(1, (kept(frame), evicted(frame), kept(frame))),))
    first, _, last = encoded(turn, encode).events
    assert first.frame.picture.encoded == last.frame.picture.encoded == encode(frame.picture)
