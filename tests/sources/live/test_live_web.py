"""Live feeds over HTTP: playlists, pictures one after another, and MPEG-TS without an end."""

from __future__ import annotations

import asyncio
import io
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count, islice, pairwise
from pathlib import Path

import pytest
from PIL import Image

from streamsel.clock import SystemClock
from streamsel.decisions import Rhythm
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.hls_client import find_playlist
from tests.polling import until
from tests.runtime.live_line import running
from tests.runtime.live_stages import ScriptedSource, StoringSink
from tests.servers.broker import certify
from tests.servers.clips import RATE, camera_clip, clip_digests, luma_digest
from tests.servers.web import LOOPBACK, Stream, WebServer, motion_jpeg

SHORT = LiveOptions(open_timeout=5, read_timeout=1.5)
SLOW_RATE = 10
SEGMENTS = 6
LONG = 2


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return camera_clip(ffmpeg, tmp_path_factory.mktemp("clips") / "main.mp4", seconds=SEGMENTS)


@pytest.fixture(scope="module")
def transport(ffmpeg: Path, clip: Path) -> bytes:
    """The clip as MPEG-TS."""
    path = clip.with_suffix(".ts")
    _remux(ffmpeg, clip, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def segments(ffmpeg: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clip cut into seconds: 0.ts, 1.ts, ..."""
    folder = tmp_path_factory.mktemp("segments")
    cutting = ("-f", "segment", "-segment_time", "1", "-segment_format", "mpegts")
    _remux(ffmpeg, clip, folder / "%d.ts", *cutting)
    return folder


@pytest.fixture(scope="module")
def long_segments(ffmpeg: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, of two seconds each."""
    folder = tmp_path_factory.mktemp("long")
    cutting = ("-f", "segment", "-segment_time", str(LONG), "-segment_format", "mpegts")
    _remux(ffmpeg, clip, folder / "%d.ts", *cutting)
    return folder


def _remux(ffmpeg: Path, clip: Path, path: Path, *how: str) -> None:
    command = [str(ffmpeg), "-v", "error", "-nostdin", "-i", str(clip), "-c", "copy", *how]
    subprocess.run([*command, str(path)], check=True)


def playlist(names: Iterator[str], target: int = 1) -> bytes:
    head = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n"
    return (head + "".join(f"#EXTINF:{target:.1f},\n{name}\n" for name in names)).encode()


def camera(address: str, options: LiveOptions = SHORT) -> CameraSource:
    return CameraSource("gate", address, options, SystemClock())


def until_lost(source: CameraSource) -> tuple[list[Frame], str]:
    """Read a session to its end: what came, and why it ended."""
    frames: list[Frame] = []
    with pytest.raises(SourceError) as caught:
        frames.extend(source.session(0, 0.0))
    return frames, str(caught.value)


def digest_of(frame: Frame) -> bytes:
    assert frame.picture.image is not None
    return luma_digest(frame.picture.image)


def test_a_playlist_is_followed_as_it_grows_and_given_up_when_it_does_not(
    clip: Path, segments: Path
) -> None:
    asked = count(2)

    def growing() -> Iterator[bytes]:
        known = min(next(asked), SEGMENTS)
        yield playlist(f"{number}.ts" for number in range(known))

    streams = {"/live.m3u8": Stream("application/vnd.apple.mpegurl", growing)}
    with WebServer(segments, streams) as server:
        frames, why = until_lost(camera(server.url("/live.m3u8")))
    assert len(frames) >= 3 * RATE
    assert {digest_of(frame) for frame in frames} <= clip_digests(clip)
    assert "no answer" in why


def test_segments_longer_than_the_read_timeout_are_waited_for(
    clip: Path, long_segments: Path
) -> None:
    began: list[float] = []

    def published() -> Iterator[bytes]:
        began.append(time.monotonic())
        known = 1 + min(2, int((began[-1] - began[0]) / LONG))
        yield playlist((f"{number}.ts" for number in range(known)), target=LONG)

    streams = {"/live": Stream("application/vnd.apple.mpegurl", published)}
    with WebServer(long_segments, streams) as server:
        # It is seen to be a playlist by what it holds.
        source = camera(server.url("/live"), LiveOptions(read_timeout=1.0))
        frames, why = until_lost(source)
    # The decoder keeps the last ones.
    assert len(frames) >= SEGMENTS * RATE - 3
    assert {digest_of(frame) for frame in frames} <= clip_digests(clip)
    assert source.rhythm == Rhythm(speed=4.0, pause=3 * LONG)
    assert "no answer" in why


def test_a_burst_over_http_is_spread_and_wholly_judged(transport: bytes, tmp_path: Path) -> None:
    ended = threading.Event()

    def at_once() -> Iterator[bytes]:
        yield transport
        ended.wait(30)

    async def scenario() -> None:
        disk = StoringSink()
        with WebServer(tmp_path, {"/ts": Stream("video/mp2t", at_once)}) as server:
            source = camera(server.url("/ts"), LiveOptions(read_timeout=10))
            async with running([disk]) as line:
                stand_in = ScriptedSource("gate")
                await line.add(stand_in, open_source=lambda: source)
                # The decoder keeps the last ones.
                await until(lambda: len(disk.verdicts) >= SEGMENTS * RATE - 3)
                assert line.watcher.dropped_frames == {}
                ended.set()

    asyncio.run(scenario())


class CountedTurn:
    """A turn that counts what its owner decoded in it."""

    def __init__(self) -> None:
        self.is_held = False
        self.decoded = 0
        self.count: Callable[[], int] = lambda: 0

    def __enter__(self) -> None:
        assert not self.is_held
        self.is_held, self._before = True, self.count()

    def __exit__(self, *_: object) -> None:
        self.is_held = False
        self.decoded += self.count() - self._before


def test_a_turn_is_held_to_decode_and_not_to_wait_for_packets(
    transport: bytes, tmp_path: Path
) -> None:
    turn = CountedTurn()
    is_over = threading.Event()

    def sent() -> Iterator[bytes]:
        yield transport
        is_over.wait(30)

    with WebServer(tmp_path, {"/ts": Stream("video/mp2t", sent)}) as server:
        source = CameraSource("gate", server.url("/ts"), SHORT, SystemClock(), turn=turn)
        turn.count = lambda: source.tally().decoded
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(until_lost, source)
            # All is decoded that was sent, and the next packet is waited for.
            while source.tally().decoded < RATE or turn.is_held:
                assert not reading.done()
                is_over.wait(0.01)
            is_over.set()
            frames, _ = reading.result(30)
    assert turn.decoded == source.tally().decoded == len(frames) > RATE


@pytest.mark.parametrize(
    ("listed", "target"),
    [
        ("#EXTM3U\n#EXT-X-TARGETDURATION:8\n", 8.0),
        ("#EXTM3U\r\n#EXT-X-TARGETDURATION: 6\r\n", 6.0),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:999999\n", 120.0),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:0\n", 0.5),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n", 4.0),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n# so\nmedia.m3u8\n", 4.0),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/hostname\n", None),
        ("<html>no playlist</html>", None),
    ],
)
def test_a_playlist_or_one_that_it_lists_tells_its_target_duration(
    tmp_path: Path, listed: str, target: float | None
) -> None:
    (tmp_path / "media.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:4\n")
    (tmp_path / "main.m3u8").write_text(listed)
    with WebServer(tmp_path) as server:
        address = server.url("/main.m3u8").replace("//", "//viewer:canary@")
        found = find_playlist(address, SHORT, SystemClock())
        assert (None if found is None else found.listed.target) == target
        assert find_playlist(server.url("/none.m3u8"), SHORT, SystemClock()) is None


@pytest.mark.parametrize("name", ["{}", "{}.bin", "{}.jpg", "segment.php?part={}"])
def test_segments_play_whatever_they_are_called(clip: Path, segments: Path, name: str) -> None:
    contents = [(segments / f"{number}.ts").read_bytes() for number in range(SEGMENTS)]
    named = [name.format(number) for number in range(SEGMENTS)]
    listed = playlist(iter(named)) + b"#EXT-X-ENDLIST\n"
    streams = {
        f"/{one}": Stream("application/octet-stream", partial(iter, [content]))
        for one, content in zip(named, contents, strict=True)
    } | {"/live.m3u8": Stream("application/vnd.apple.mpegurl", lambda: iter([listed]))}
    with WebServer(segments, streams) as server:
        frames, _ = until_lost(camera(server.url("/live.m3u8")))
    assert len(frames) >= RATE
    assert {digest_of(frame) for frame in frames} <= clip_digests(clip)


def test_a_playlist_opens_no_local_files(segments: Path, tmp_path: Path) -> None:
    local = (str(segments / "0.ts"), f"file://{segments / '0.ts'}", f"subfile:{segments / '0.ts'}")
    for name in local:
        (tmp_path / "evil.m3u8").write_bytes(playlist(iter([name])))
        with WebServer(tmp_path) as server:
            brief = LiveOptions(open_timeout=1)
            frames, _ = until_lost(camera(server.url("/evil.m3u8"), brief))
        assert frames == []


def test_pictures_that_tell_no_time_are_timed_as_they_come(tmp_path: Path) -> None:
    def pictures() -> Iterator[bytes]:
        for number in count():
            content = io.BytesIO()
            Image.new("L", (160, 120), number % 256).save(content, "jpeg")
            yield content.getvalue()
            time.sleep(1 / SLOW_RATE)

    with WebServer(tmp_path, {"/mjpeg": motion_jpeg(pictures)}) as server:
        session = camera(server.url("/mjpeg")).session(0, 0.0)
        frames = list(islice(session, 15))
        session.close()
    times = [frame.media_time for frame in frames]
    assert times == sorted(times)
    # A sender that waits cannot be faster; 25 a second would be assumed.
    assert times[-1] >= 0.8 * 13 / SLOW_RATE


def test_a_sender_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    ended = threading.Event()

    def silent() -> Iterator[bytes]:
        content = io.BytesIO()
        Image.new("L", (160, 120), 90).save(content, "jpeg")
        yield from [content.getvalue()] * 5
        ended.wait(30)

    with WebServer(tmp_path, {"/mjpeg": motion_jpeg(silent)}) as server:
        try:
            frames, why = until_lost(camera(server.url("/mjpeg")))
        finally:
            ended.set()
    assert len(frames) >= 3
    assert "no answer" in why


@pytest.mark.parametrize("filters", [None, "fps=5"])
def test_a_clock_that_is_set_back_stops_neither_time_nor_filters(
    transport: bytes, tmp_path: Path, filters: str | None
) -> None:
    streams = {"/ts": Stream("video/mp2t", lambda: iter([transport, transport]))}
    with WebServer(tmp_path, streams) as server:
        options = LiveOptions(read_timeout=1.5, filters=filters)
        frames, _ = until_lost(camera(server.url("/ts"), options))
    times = [frame.media_time for frame in frames]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(2 * SEGMENTS, abs=0.6)
    assert max(after - before for before, after in pairwise(times)) < 1


def test_a_filter_chain_that_has_enough_ends_the_session(transport: bytes, tmp_path: Path) -> None:
    streams = {"/ts": Stream("video/mp2t", lambda: iter([transport]))}
    with WebServer(tmp_path, streams) as server:
        options = LiveOptions(filters="trim=end=1")
        frames, why = until_lost(camera(server.url("/ts"), options))
    assert len(frames) == RATE
    assert "filter" in why


def test_noise_instead_of_video_ends_the_session(transport: bytes, tmp_path: Path) -> None:
    head = transport[: len(transport) // 3]
    noise = bytes(range(256)) * 20_000
    streams = {"/ts": Stream("video/mp2t", lambda: iter([head, noise]))}
    with WebServer(tmp_path, streams) as server:
        frames, _ = until_lost(camera(server.url("/ts")))
    assert frames


def test_https_needs_an_authority_that_is_trusted(transport: bytes, tmp_path: Path) -> None:
    right, other = certify(tmp_path / "right", LOOPBACK), certify(tmp_path / "other", LOOPBACK)
    streams = {"/ts": Stream("video/mp2t", lambda: iter([transport]))}
    with WebServer(tmp_path, streams, right) as server:
        trusting = LiveOptions(tls_ca_file=right.authority)
        frames, _ = until_lost(camera(server.url("/ts"), trusting))
        assert frames
        mistaken = LiveOptions(tls_ca_file=other.authority)
        frames, why = until_lost(camera(server.url("/ts"), mistaken))
    assert frames == []
    assert "trusted" in why


@pytest.mark.parametrize(
    "address",
    [
        "/etc/hostname",
        "file:///etc/hostname",
        "concat:/etc/hostname",
        "gopher://host/x",
        "",
        "usb:x",
    ],
)
def test_what_is_no_live_feed_is_refused(address: str) -> None:
    frames, why = until_lost(camera(address))
    assert frames == []
    assert "no address of a live feed" in why


def test_a_camera_that_is_not_there_is_said_so() -> None:
    frames, why = until_lost(camera("usb:63"))
    assert frames == []
    assert "No such file" in why
