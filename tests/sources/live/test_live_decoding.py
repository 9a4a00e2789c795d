"""What is decoded of a live feed: other codecs, keyframes alone, pictures of changing size."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from streamsel.clock import SystemClock
from streamsel.errors import SourceError
from streamsel.frame import Frame, View
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.sources.covering import Areas
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.masks import read_masks
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.servers.clips import RATE, camera_clip, clip_digests, luma_digest
from tests.servers.rtsp import Mount, RtspServer
from tests.servers.web import Stream, WebServer

KEYED_SECONDS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("decoding")


@pytest.fixture(scope="module")
def server(ffmpeg: Path, folder: Path) -> Iterator[RtspServer]:
    """H.264 of two sizes, H.265, and one that begins with its only keyframe."""
    large = camera_clip(ffmpeg, folder / "large.mp4", seconds=2)
    small = camera_clip(ffmpeg, folder / "small.mp4", seconds=1, size=(320, 240))
    encode(ffmpeg, large, folder / "hevc.mp4", "-c:v", "libx265", "-x265-params", X265)
    encode(ffmpeg, large, folder / "once.mp4", "-c:v", "libx264", "-bf", "0", "-g", "1000")
    mounts = {
        "/main": Mount([large]),
        "/flip": Mount([large, small]),
        "/hevc": Mount([folder / "hevc.mp4"]),
        "/once": Mount([folder / "once.mp4"], repeats=False),
    }
    with RtspServer(folder, mounts) as running:
        yield running


X265 = "log-level=none:bframes=0:keyint=15:repeat-headers=1"


def encode(ffmpeg: Path, clip: Path, path: Path, *how: str) -> Path:
    command = [str(ffmpeg), "-v", "error", "-nostdin", "-i", str(clip), *how, "-threads", "1"]
    subprocess.run([*command, str(path)], check=True)
    return path


def camera(address: str, options: LiveOptions | None = None) -> CameraSource:
    return CameraSource("gate", address, options or LiveOptions(), SystemClock())


def take(source: CameraSource, count: int) -> list[Frame]:
    session = source.session(0, 0.0)
    try:
        return list(islice(session, count))
    finally:
        session.close()


def test_h265_comes_as_it_was_sent(server: RtspServer, folder: Path) -> None:
    frames = take(camera(server.url("/hevc")), 20)
    images = [frame.picture.image for frame in frames]
    assert {luma_digest(image) for image in images if image} <= clip_digests(folder / "hevc.mp4")
    assert not any(frame.corrupt for frame in frames)


def test_h265_is_refused_where_its_damage_could_not_be_told(server: RtspServer) -> None:
    with pytest.raises(SourceError, match="transport to tcp"):
        take(camera(server.url("/hevc"), LiveOptions(transport="udp")), 1)


def test_keyframes_alone_are_a_frame_a_second_here(server: RtspServer) -> None:
    frames = take(camera(server.url("/main"), LiveOptions(decode="keyframes")), 4)
    assert all(frame.picture.image and frame.picture.image.key_frame for frame in frames)
    # Not the first: this server sends the unit that a session is described by twice.
    seconds = frames[-1].media_time - frames[1].media_time
    assert seconds == pytest.approx(2.0, abs=0.1)


def test_fewer_frames_are_looked_at_where_fewer_are_asked_for(server: RtspServer) -> None:
    frames = take(camera(server.url("/main"), LiveOptions(fps=5)), 6)
    assert [frame.key.index for frame in frames] == list(range(6))
    assert frames[-1].media_time == pytest.approx(1.0, abs=0.15)


def test_the_screen_survives_pictures_that_change_their_size(server: RtspServer) -> None:
    prefilter = FramePrefilter(CpuThumbnailer(), View(64), PrefilterOptions())
    seen = [prefilter.check(frame) for frame in take(camera(server.url("/flip")), 4 * RATE)]
    passed = {prefiltered.frame.width for prefiltered in seen if prefiltered.refusal is None}
    assert passed == {640, 320}


def test_a_camera_that_changes_its_size_is_down_rather_than_uncovered(server: RtspServer) -> None:
    options = LiveOptions(areas=Areas.of(read_masks(["40px,40px,80px,60px"])))
    source, seen = camera(server.url("/flip"), options), list[Frame]()
    with pytest.raises(SourceError, match="its masks are in pixels of"):
        seen.extend(source.session(0, 0.0))
    assert seen
    assert len({frame.width for frame in seen}) == 1
    for frame in seen:
        assert frame.picture.image is not None
        assert (frame.picture.image.to_ndarray(format="gray")[40:100, 40:120] <= 1).all()


def test_a_stream_that_begins_between_keyframes_is_waited_for(
    ffmpeg: Path, folder: Path, tmp_path: Path
) -> None:
    clip = camera_clip(ffmpeg, tmp_path / "long.mp4", seconds=2 * KEYED_SECONDS, size=(320, 180))
    keyed = ("-c:v", "libx264", "-bf", "0", "-g", str(KEYED_SECONDS * RATE), "-sc_threshold", "0")
    sent = encode(ffmpeg, clip, tmp_path / "long.ts", *keyed).read_bytes()
    packets = [sent[at : at + 188] for at in range(0, len(sent), 188)]
    tables, video = packets[:3], packets[len(packets) // 8 :]
    step = len(video) // (2 * KEYED_SECONDS * RATE)

    def paced() -> Iterator[bytes]:
        yield b"".join(tables)
        for at in range(0, len(video), step):
            yield b"".join(video[at : at + step])
            time.sleep(1 / RATE)

    with WebServer(tmp_path, {"/ts": Stream("video/mp2t", paced)}) as web:
        options = LiveOptions(read_timeout=KEYED_SECONDS / 4)
        first = take(camera(web.url("/ts"), options), 1)[0]
    assert first.picture.image is not None
    assert first.picture.image.key_frame


def test_stop_needs_no_picture(server: RtspServer) -> None:
    source = camera(server.url("/once"), LiveOptions(decode="keyframes"))
    session = source.session(0, 0.0)
    next(session)
    next(session)  # this server sends its first unit twice
    with ThreadPoolExecutor(1) as threads:
        rest = threads.submit(list, session)
        source.stop()
        assert rest.result(1) == []


def test_sessions_leave_no_threads_behind(server: RtspServer) -> None:
    source = camera(server.url("/main"))
    take(source, 1)
    before = len(os.listdir("/proc/self/task"))
    for _ in range(3):
        take(source, 1)
    assert len(os.listdir("/proc/self/task")) <= before
