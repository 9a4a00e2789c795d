"""The stand-ins for users' tests: what they promise, and that real parts take them for real."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from streamsel.clock import Clock
from streamsel.decisions import Evicted, SelectionUpdate
from streamsel.errors import RefusedError, SinkError, SourceError
from streamsel.frame import Frame, Picture
from streamsel.interfaces.sinks import Sink
from streamsel.interfaces.sources import LiveSource
from streamsel.record.values import FeedPlan, RunPlan
from streamsel.sinks.service_folder import LiveDiskSink, StoreOptions
from streamsel.testing import (
    ManualClock,
    RecordingSink,
    ScriptedSource,
    small_picture,
    updates_of,
)


def test_a_manual_clock_never_goes_back() -> None:
    clock: Clock = ManualClock()
    assert clock.monotonic() == clock.monotonic() == 1000.0
    with pytest.raises(ValueError, match="seconds is -1; a clock cannot go back"):
        ManualClock().advance(-1)


def test_a_script_is_played_session_by_session() -> None:
    clock = ManualClock()
    source = ScriptedSource(
        "gate", [0.0, 0.5, "lost"], ["refused"], [1.0], clock=clock, pause=clock.advance
    )
    live: LiveSource = source
    with pytest.raises(SourceError, match="feed 'gate': lost"):
        list(live.session(0, 0.0))
    with pytest.raises(RefusedError, match="password is refused"):
        list(live.session(2, 5.0))
    (third,), (again,) = list(live.session(2, 5.0)), list(live.session(3, 9.0))
    assert (third.key.index, third.media_time, third.received) == (2, 5.0, 1001.5)
    assert (again.key.index, again.wall_time) == (3, clock.wall())
    assert (source.opened, source.produced, source.begun_at) == (4, 4, [0.0, 5.0, 5.0, 9.0])
    assert (live.tally().received, live.tally().decoded) == (4, 4)


def test_an_exception_of_a_script_is_raised() -> None:
    with pytest.raises(ZeroDivisionError, match="driver"):
        list(ScriptedSource("gate", [0.0, ZeroDivisionError("driver")]).session(0, 0.0))


def test_a_script_without_end_is_stopped() -> None:
    def flood() -> Generator[float, None, None]:
        while True:
            yield 0.0

    source = ScriptedSource("gate", flood)
    session = source.session(0, 0.0)
    assert [frame.key.index for frame in islice(session, 3)] == [0, 1, 2]
    source.stop()
    assert list(session) == []


def test_a_frozen_session_goes_on_when_it_thaws() -> None:
    source = ScriptedSource("gate", ["freeze"])
    source.thaw.set()
    assert len(list(source.session(0, 0.0))) == 1


def test_pictures_are_real_and_differ() -> None:
    colours = set()
    for index in range(16):
        with Image.open(io.BytesIO(small_picture(index).content)) as image:
            assert (image.format, image.size) == ("PNG", (8, 8))
            colours.add(image.getpixel((4, 4)))
    assert len(colours) == 16
    assert small_picture(33) == small_picture(1)


def test_a_recording_sink_fails_without_a_trace() -> None:
    recording = RecordingSink()
    sink: Sink = recording
    (update,) = updates_of(ScriptedSource("gate", [0.0]), frames=1)
    recording.failing = True
    with pytest.raises(SinkError, match="recording: no room"):
        sink.apply(replace(update, state=b"1"))
    assert (recording.kept, recording.verdicts, recording.states) == ({}, [], {})
    recording.failing = False
    sink.apply(replace(update, state=b"1"))
    assert (recording.attempts, recording.states) == (2, {"gate": b"1"})
    (key,) = recording.kept
    recording.lose(key)
    assert (recording.lost(), recording.lost()) == ([key], [])
    sink.close()
    assert recording.closed == 1


def test_an_eviction_of_what_is_not_kept_is_an_error() -> None:
    (update,) = updates_of(ScriptedSource("gate", [0.0]), frames=1)
    gone = Evicted(update.events[0].frame, None, None, "expired")
    with pytest.raises(AssertionError, match="gate-000000 is evicted but was not kept"):
        RecordingSink().apply(SelectionUpdate("gate", (), (gone,)))


def test_updates_are_those_that_a_real_sink_stores(tmp_path: Path) -> None:
    clock = ManualClock()
    plan = RunPlan(
        version="0",
        config={},
        identity={},
        embedder="made",
        embedder_digest="00ff",
        method="live",
        count=None,
        seed=0,
        feeds=[FeedPlan("gate", "rtsp://gate/main")],
    )
    source = ScriptedSource("gate", [0.0] * 3, clock=clock, pause=clock.advance)
    recording = RecordingSink()
    with closing(LiveDiskSink(tmp_path, plan, "png", clock, StoreOptions())) as disk:
        disk.select_into(("gate",))
        for update in updates_of(source, frames=10, keep=4):
            recording.apply(update)
            disk.apply(update)
        stored = disk.kept_candidates("gate")
    assert [one.frame.key for one in stored] == list(recording.kept)
    for one in stored:
        kept = recording.kept[one.frame.key]
        np.testing.assert_array_equal(one.embedding, kept.embedding)
    assert len({one.read_bytes() for one in (tmp_path / "frames").rglob("*.png")}) == 4
    distances = [kept.distance for kept in recording.kept.values()]
    vectors = [kept.embedding for kept in recording.kept.values() if kept.embedding is not None]
    between = [np.linalg.norm(a - b) for a, b in pairwise(vectors)]
    assert between == pytest.approx(distances[1:])


class Decoded(ScriptedSource):
    """Frames as a decoder returns them, not encoded."""

    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        for frame in super().session(start, media_time):
            pixels = np.full((16, 24, 3), 10 * frame.key.index, np.uint8)
            image = av.VideoFrame.from_ndarray(pixels, "rgb24")
            yield replace(frame, picture=Picture(image), width=24, height=16)


def test_decoded_pictures_are_encoded_on_the_way() -> None:
    sink = RecordingSink()
    for update in updates_of(Decoded("gate", [0.0] * 3), frames=3):
        sink.apply(update)
    for key, event in sink.kept.items():
        assert event.frame.picture.encoded is not None
        with Image.open(io.BytesIO(event.frame.picture.encoded.content)) as image:
            assert (image.format, image.size) == ("JPEG", (24, 16))
            np.testing.assert_allclose(np.asarray(image), 10 * key.index, atol=3)


def test_a_source_that_yields_nothing_is_given_up() -> None:
    source = ScriptedSource("gate", [0.0], ["lost"])
    updates = updates_of(source, frames=2)
    assert len(list(islice(updates, 1))) == 1
    with pytest.raises(SourceError, match="feed 'gate': lost"):
        next(updates)
    assert source.opened == 1 + 10
    assert list(updates_of(ScriptedSource("gate", []), frames=2)) == []
