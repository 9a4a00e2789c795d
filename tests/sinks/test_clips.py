"""Clips around kept frames: the sender's own packets, from a keyframe on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import pytest

from streamsel.clock import SystemClock
from streamsel.decisions import Evicted, Kept, SelectionUpdate
from streamsel.errors import SourceError
from streamsel.frame import Frame, FrameKey
from streamsel.sinks.clips import ClipOrder, ClipSink
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.packet_ring import PacketRing
from streamsel.testing import ManualClock
from tests.servers.clips import RATE, camera_clip, clip_digests, luma_digest
from tests.servers.rtsp import Mount, RtspServer
from tests.sinks.live_streams import frame as live_frame


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return camera_clip(ffmpeg, tmp_path_factory.mktemp("clips") / "main.mp4", size=(320, 180))


@pytest.fixture(scope="module")
def server(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    with RtspServer(tmp_path_factory.mktemp("server"), {"/main": Mount([clip])}) as running:
        yield running


@pytest.fixture(scope="module")
def seen(server: RtspServer) -> tuple[PacketRing, list[Frame]]:
    """Six seconds of a camera, and what is held of them."""
    ring = PacketRing(seconds=60)
    source = CameraSource("gate", server.url("/main"), LiveOptions(), SystemClock(), ring)
    session = source.session(0, 0.0)
    frames = list(islice(session, 6 * RATE))
    session.close()
    return ring, frames


def received(frame: Frame) -> float:
    assert frame.received is not None
    return frame.received


def pictures(content: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(content), "r") as container:
        return list(container.decode(video=0))


def test_a_clip_holds_the_senders_own_pictures_from_a_keyframe_on(
    clip: Path, seen: tuple[PacketRing, list[Frame]]
) -> None:
    ring, frames = seen
    wanted = frames[3 * RATE]
    images = pictures(ring.clip(received(wanted), before=1.0, after=1.0))
    assert images[0].key_frame
    digests = [luma_digest(image) for image in images]
    assert set(digests) <= clip_digests(clip)
    own = wanted.picture.image
    assert own is not None
    assert luma_digest(own) in digests
    assert RATE <= len(images) <= 4 * RATE
    times = [image.time for image in images]
    assert times == sorted(set(times))


def test_more_than_is_held_gives_what_is_held(seen: tuple[PacketRing, list[Frame]]) -> None:
    ring, frames = seen
    images = pictures(ring.clip(received(frames[10]), before=100.0, after=100.0))
    assert len(images) >= len(frames) - RATE


def test_a_ring_is_bounded_in_time_and_bytes(server: RtspServer) -> None:
    short, small = PacketRing(seconds=0.5), PacketRing(seconds=60, most_bytes=20_000)
    for ring in (short, small):
        source = CameraSource("gate", server.url("/main"), LiveOptions(), SystemClock(), ring)
        session = source.session(0, 0.0)
        frames = list(islice(session, 4 * RATE))
        session.close()
        with pytest.raises(SourceError, match="gone"):
            ring.clip(received(frames[0]), before=0.0, after=1.0)


def test_a_clip_does_not_reach_into_another_session(server: RtspServer) -> None:
    ring = PacketRing(seconds=60)
    source = CameraSource("gate", server.url("/main"), LiveOptions(), SystemClock(), ring)
    for start in (0, 1000):
        session = source.session(start, 0.0)
        frames = list(islice(session, 2 * RATE))
        session.close()
    images = pictures(ring.clip(received(frames[-1]), before=100.0, after=100.0))
    assert len(images) <= 4 * RATE


def judged(frame: Frame) -> SelectionUpdate:
    return SelectionUpdate("gate", (), (Kept(frame, None, None, 0.0, "novel"),))


def test_a_clip_is_stored_beside_its_picture_and_goes_with_it(
    tmp_path: Path, seen: tuple[PacketRing, list[Frame]]
) -> None:
    ring, frames = seen
    sink = ClipSink(tmp_path, {"gate": ClipOrder(ring, 1.0, 0.1)}, SystemClock())
    frame, soon_gone = frames[RATE], frames[2 * RATE]
    sink.apply(judged(frame))
    sink.apply(judged(soon_gone))
    sink.apply(SelectionUpdate("gate", (), (Evicted(soon_gone, frame.key, 0.1, "closest-pair"),)))
    sink.tick()
    (stored,) = tmp_path.rglob("*.mp4")
    assert stored.name.endswith("Z_gate-000015.mp4")
    assert pictures(stored.read_bytes())[0].key_frame
    sink.apply(SelectionUpdate("gate", (), (Evicted(frame, None, None, "lost"),)))
    assert not list(tmp_path.rglob("*.mp4"))
    sink.close()


def test_a_feed_that_wants_no_clips_gets_none(
    tmp_path: Path, seen: tuple[PacketRing, list[Frame]]
) -> None:
    sink = ClipSink(tmp_path, {}, SystemClock())
    sink.apply(judged(seen[1][0]))
    sink.tick()
    sink.close()
    assert not list(tmp_path.iterdir())


class Matroska:
    """Footage of a codec that MP4 cannot hold."""

    def clip(self, received: float, before: float, after: float) -> bytes:
        return b"\x1a\x45\xdf\xa3 a clip"


def test_what_is_no_mp4_is_not_called_so(
    tmp_path: Path, seen: tuple[PacketRing, list[Frame]]
) -> None:
    sink = ClipSink(tmp_path, {"gate": ClipOrder(Matroska(), 1.0, 0.1)}, SystemClock())
    frame = seen[1][0]
    sink.apply(judged(frame))
    sink.close()
    (stored,) = tmp_path.rglob("*_gate-000000.mkv")
    sink.apply(SelectionUpdate("gate", (), (Evicted(frame, None, None, "lost"),)))
    assert not stored.exists()


def test_a_clip_stays_while_its_frame_may_be_recalled_and_goes_after_a_kill(
    tmp_path: Path, seen: tuple[PacketRing, list[Frame]]
) -> None:
    frame = seen[1][0]

    def evicted(recallable: frozenset[FrameKey]) -> SelectionUpdate:
        gone = Evicted(frame, None, 0.1, "closest-pair")
        return SelectionUpdate("gate", (), (gone,), b"", recallable)

    orders = {"gate": ClipOrder(Matroska(), 0.0, 0.0)}
    clock = ManualClock()
    sink = ClipSink(tmp_path, orders, clock)
    sink.apply(judged(frame))
    clock.advance(received(frame) + 10)
    sink.tick()
    (stored,) = tmp_path.rglob("*.mkv")
    sink.apply(evicted(frozenset({frame.key})))
    assert stored.exists()
    sink.apply(judged(frame))
    sink.apply(evicted(frozenset({frame.key})))
    assert stored.exists()
    picture = tmp_path / "frames" / stored.relative_to(tmp_path / "clips").with_suffix(".jpg")
    picture.parent.mkdir(parents=True)
    picture.touch()
    ClipSink(tmp_path, orders, clock)
    assert stored.exists()
    picture.unlink()
    sink = ClipSink(tmp_path, orders, clock)
    assert not stored.exists()
    sink.apply(judged(frame))
    sink.tick()
    sink.apply(evicted(frozenset({frame.key})))
    assert stored.exists()
    sink.apply(SelectionUpdate("gate", (), (), b"", frozenset()))
    assert not stored.exists()


class Asked:
    """Footage of a feed that says what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, float, float]] = []

    def clip(self, received: float, before: float, after: float) -> bytes:
        self.asked.append((received, before, after))
        return b"0000ftyp"


def test_a_clip_is_cut_once_the_packets_after_its_frame_are_there(tmp_path: Path) -> None:
    clock, footage = ManualClock(), Asked()
    sink = ClipSink(tmp_path, {"gate": ClipOrder(footage, 2.0, 1.0)}, clock)
    sink.apply(judged(live_frame(round(clock.monotonic()))))
    for passed, cut in ((0.0, False), (1.375, False), (0.125, True), (9.0, True)):
        clock.advance(passed)
        sink.tick()
        assert bool(footage.asked) == cut
    assert footage.asked == [(1000.0, 2.0, 1.0)]


def test_what_is_pending_at_the_end_is_cut_as_far_as_it_goes(tmp_path: Path) -> None:
    footage = Asked()
    sink = ClipSink(tmp_path, {"gate": ClipOrder(footage, 2.0, 60.0)}, ManualClock())
    sink.apply(judged(live_frame(1000)))
    sink.tick()
    sink.close()
    assert footage.asked == [(1000.0, 2.0, 60.0)]
    assert len(list(tmp_path.rglob("*.mp4"))) == 1
