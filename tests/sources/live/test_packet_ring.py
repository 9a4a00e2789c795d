"""Clips that are cut from what is sent: bytes, parameters, sizes, sessions, other codecs."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Required, TypedDict, Unpack

import av
import pytest

from streamsel.clock import SystemClock
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.packet_ring import PacketRing
from tests.servers.clips import RATE, camera_clip
from tests.servers.rtsp import Mount, RtspServer
from tests.servers.web import Stream, WebServer
from tests.sources.media import write_video


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("footage")


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, folder: Path) -> Path:
    return camera_clip(ffmpeg, folder / "main.mp4", seconds=2, size=(320, 180))


@pytest.fixture(scope="module")
def server(ffmpeg: Path, clip: Path, folder: Path) -> Iterator[RtspServer]:
    small = camera_clip(ffmpeg, folder / "small.mp4", seconds=2, size=(160, 120))
    mounts = {"/main": Mount([clip]), "/flip": Mount([clip, small])}
    with RtspServer(folder, mounts) as running:
        yield running


def watch(address: str, frames: int) -> tuple[PacketRing, list[Frame]]:
    """Read so many frames, or to the end; return what is held of the packets, too."""
    ring = PacketRing(seconds=60)
    source = CameraSource("gate", address, LiveOptions(), SystemClock(), ring)
    session = source.session(0, 0.0)
    seen: list[Frame] = []
    try:
        seen.extend(islice(session, frames))
    except SourceError:
        assert seen
    finally:
        session.close()
    return ring, seen


def cut(ring: PacketRing, frame: Frame, before: float = 1.0, after: float = 1.0) -> bytes:
    assert frame.received is not None
    return ring.clip(frame.received, before, after)


def slices(content: bytes | Path) -> list[bytes]:
    """The slices of an H.264 video: all that is pictures, whatever stands between them."""
    opened = str(content) if isinstance(content, Path) else io.BytesIO(content)
    found = []
    with av.open(opened, "r") as container:
        stream = container.streams.video[0]
        unbox = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            if packet.size:
                (unboxed,) = unbox.filter(packet)
                found += [
                    nal for nal in bytes(unboxed).split(b"\0\0\1")[1:] if nal[0] & 31 in (1, 5)
                ]
    return [nal.rstrip(b"\0") for nal in found]


def test_a_clip_has_the_bytes_that_were_sent(server: RtspServer, clip: Path) -> None:
    ring, frames = watch(server.url("/main"), 4 * RATE)
    found = slices(cut(ring, frames[2 * RATE]))
    assert found[0][0] & 31 == 5
    assert len(found) >= RATE
    assert set(found) <= set(slices(clip))


def test_the_first_moments_of_a_session_can_be_cut(server: RtspServer) -> None:
    ring, frames = watch(server.url("/main"), RATE)
    found = slices(cut(ring, frames[0], before=5.0, after=5.0))
    assert found[0][0] & 31 == 5
    assert len(found) >= len(frames)


def test_ffprobe_finds_nothing_wrong_with_a_clip(
    ffmpeg: Path, server: RtspServer, tmp_path: Path
) -> None:
    ring, frames = watch(server.url("/main"), 4 * RATE)
    path = tmp_path / "clip.mp4"
    path.write_bytes(cut(ring, frames[2 * RATE]))
    wanted = "stream=codec_name,width,height:packet=flags"
    probing = [
        str(ffmpeg.with_name("ffprobe")),
        "-v",
        "warning",
        "-show_entries",
        wanted,
        "-of",
        "csv",
    ]
    probed = subprocess.run([*probing, path], capture_output=True, text=True, check=True)
    decoding = [str(ffmpeg), "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"]
    decoded = subprocess.run(decoding, capture_output=True, text=True, check=False)
    lines = probed.stdout.splitlines()
    assert lines[0].startswith("packet,K")
    assert lines[-1] == "stream,h264,320,180"
    assert (decoded.returncode, probed.stderr, decoded.stderr) == (0, "", "")


def test_a_clip_shows_pictures_of_one_size(server: RtspServer) -> None:
    ring, frames = watch(server.url("/flip"), 5 * RATE)
    for width in (320, 160):
        frame = next(frame for frame in frames[RATE:] if frame.width == width)
        with av.open(io.BytesIO(cut(ring, frame, before=10.0, after=10.0)), "r") as container:
            assert container.streams.video[0].width == width
            assert {image.width for image in container.decode(video=0)} == {width}


@pytest.mark.parametrize(
    ("name", "codec", "kind", "mark"),
    [
        ("vp8.webm", "libvpx", "video/webm", b"\x1a\x45\xdf\xa3"),
        ("boxed.flv", "libx264", "video/x-flv", b"ftyp"),
    ],
)
def test_other_codecs_and_containers_can_be_cut(
    tmp_path: Path, name: str, codec: str, kind: str, mark: bytes
) -> None:
    made = write_video(tmp_path / name, codec, frames=50).read_bytes()
    with WebServer(tmp_path, {"/live": Stream(kind, lambda: iter([made]))}) as web:
        ring, frames = watch(web.url("/live"), 1000)
    content = cut(ring, frames[len(frames) // 2], before=10.0, after=10.0)
    assert mark in content[:8]
    with av.open(io.BytesIO(content), "r") as container:
        images = list(container.decode(video=0))
    # With B-frames, pictures are shown some packets after they came.
    assert 0 <= len(images) - len(frames) <= 3
    assert images[-1].time == pytest.approx(frames[-1].media_time, abs=0.2)


def test_a_damaged_packet_is_left_out(clip: Path) -> None:
    ring = PacketRing(seconds=60)
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        ring.begin(stream, stream.width, stream.height)
        for number, packet in enumerate(container.demux(stream)):
            if not packet.size:
                continue
            if number == 3:
                # A length that promises more than the packet holds.
                packet.update(b"\x7f\xff\xff\xff" + bytes(packet)[4:])
            ring.add(packet, received=number / RATE)
    intact = slices(clip)
    found = slices(ring.clip(received=0.0, before=0.0, after=60.0))
    assert len(found) == len(intact) - 1
    assert found[:3] == intact[:3]


STEP = 0.125


class Bounds(TypedDict, total=False):
    """Bounds of a ring."""

    seconds: Required[float]
    most_bytes: int


def filled(path: Path, **bounds: Unpack[Bounds]) -> tuple[PacketRing, list[int]]:
    """A ring that was given every packet of a video, one each ``STEP``; and their sizes."""
    ring = PacketRing(**bounds)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        ring.begin(stream, stream.width, stream.height)
        packets = [packet for packet in container.demux(stream) if packet.size]
        sizes = [packet.size for packet in packets]
        for place, packet in enumerate(packets):
            ring.add(packet, place * STEP)
    return ring, sizes


def gone(ring: PacketRing, packets: int) -> int:
    """How many of so many packets are not held any more."""
    said = []
    for place in range(packets):
        try:
            ring.clip(place * STEP, 0.0, STEP)
        except SourceError as error:
            said.append("are gone" in str(error))
        else:
            said.append(False)
    assert said == sorted(said, reverse=True)
    return sum(said)


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return write_video(folder / "plain.mkv", "mpeg4", frames=20, gop=1)


@pytest.mark.parametrize(("seconds", "left"), [(0.0, 1), (0.5, 5), (0.49, 4), (60.0, 20)])
def test_packets_are_held_for_some_seconds(plain: Path, seconds: float, left: int) -> None:
    ring, sizes = filled(plain, seconds=seconds)
    assert gone(ring, len(sizes)) == 20 - left


@pytest.mark.parametrize(("spare", "left"), [(0, 5), (-1, 4)])
def test_packets_are_held_up_to_some_bytes(plain: Path, spare: int, left: int) -> None:
    _, sizes = filled(plain, seconds=60)
    ring, _ = filled(plain, seconds=60, most_bytes=sum(sizes[-5:]) + spare)
    assert gone(ring, len(sizes)) == 20 - left


def test_the_newest_packet_is_held_however_large_it_is(plain: Path) -> None:
    ring, sizes = filled(plain, seconds=60, most_bytes=1)
    assert gone(ring, len(sizes)) == 19


def test_a_ring_without_packets_has_no_clip() -> None:
    with pytest.raises(SourceError, match="are gone"):
        PacketRing(60).clip(0.0, 1.0, 1.0)
