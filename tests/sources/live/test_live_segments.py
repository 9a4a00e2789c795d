"""Playlists of MPEG-TS: no picture waits for the segment after its own."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

import av
import pytest

from streamsel.clock import SystemClock
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from tests.servers.broker import certify
from tests.servers.clips import luma_digest
from tests.servers.web import LOOPBACK, Stream, WebServer

WIDTH, HEIGHT, RATE, SEGMENTS = 160, 96, 10, 5
BRIEF = LiveOptions(open_timeout=5, read_timeout=1.5)
PLAYLIST = "application/vnd.apple.mpegurl"
X264 = "-c:v libx264 -preset veryfast -threads 1 -g 10 -sc_threshold 0"
X265 = "-g 10 -an -c:v libx265 -preset ultrafast -x265-params log-level=0:pools=1"
KINDS = {
    "cameras": f"{X264} -bf 0 -an",
    "sound": f"{X264} -bf 0 -c:a aac",
    "reordered": f"{X264} -bf 2 -c:a aac",
    "open": f"{X264} -bf 2 -x264-params open-gop=1:b-adapt=0 -an",
    "hevc": f"{X265}:open-gop=0",
    "open hevc": f"{X265}:open-gop=1",
    "mpeg2": "-c:v mpeg2video -b:v 1M -bf 2 -g 10 -sc_threshold 1000000000 -c:a mp2",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """Segments of a feed, how many pictures each has, and what ffmpeg shows of all of them."""

    segments: list[bytes]
    counts: list[int]
    shown: list[bytes]


def record(ffmpeg: Path, folder: Path, encoding: str, rest: str = "") -> None:
    """Encode pictures of which no two are equal, as a playlist ``live.m3u8`` in a folder."""
    size = f"testsrc2=size={WIDTH}x{HEIGHT}:rate={RATE}:duration={SEGMENTS}"
    inputs = f"-f lavfi -i {size} -f lavfi -i sine=duration={SEGMENTS}"
    hls = f"-f hls -hls_time 1 -hls_list_size 0 {rest}"
    command = f"-v error -nostdin {inputs} -pix_fmt yuv420p {encoding} {hls}"
    subprocess.run([str(ffmpeg), *command.split(), "live.m3u8"], cwd=folder, check=True)


def shown(ffmpeg: Path, path: Path) -> list[bytes]:
    """The checksum of the luma of each picture that ffmpeg decodes from a file."""
    opening = "-v error -nostdin" + " -allowed_extensions ALL" * (path.suffix == ".m3u8")
    command = f"{opening} -i {path.name} -map 0:v -vsync passthrough -f rawvideo -pix_fmt yuv420p -"
    reading = subprocess.run(
        [str(ffmpeg), *command.split()], cwd=path.parent, check=True, capture_output=True
    )
    each = WIDTH * HEIGHT * 3 // 2
    begins = range(0, len(reading.stdout), each)
    lumas = (reading.stdout[at : at + WIDTH * HEIGHT] for at in begins)
    return [hashlib.blake2b(luma, digest_size=16).digest() for luma in lumas]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def recording_of(ffmpeg: Path, folder: Path, encoding: str) -> Recording:
    record(ffmpeg, folder, encoding)
    paths = sorted(folder.glob("live*.ts"))
    counts = []
    for path in paths:
        with av.open(str(path)) as container:
            counts.append(sum(packet.size > 0 for packet in container.demux(video=0)))
    segments = [path.read_bytes() for path in paths]
    joined = folder / "joined.ts"
    joined.write_bytes(b"".join(segments))
    return Recording(segments, counts, shown(ffmpeg, joined))


@pytest.fixture(scope="module")
def cameras(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recording_of(ffmpeg, tmp_path_factory.mktemp("cameras"), KINDS["cameras"])


@dataclass
class Publication:
    """A playlist to which segments are added as a test says, or (``grows``) when it is asked for.

    ``first`` is the number of the first one listed. ``gone`` cannot be had although it is listed.
    """

    segments: list[bytes]
    first: int = 0
    listed: list[int] = field(default_factory=lambda: [0])
    gone: int = -1
    grows: bool = False
    foot: str = ""

    def publish(self) -> None:
        """Add the next segment."""
        self.listed.append(self.listed[-1] + 1)

    def streams(self, folder: str = "/") -> dict[str, Stream]:
        """What a server serves."""
        served = {
            f"{folder}{number}.ts": Stream("video/mp2t", partial(iter, [content]))
            for number, content in enumerate(self.segments)
            if number != self.gone
        }
        return {f"{folder}live.m3u8": Stream(PLAYLIST, self._text), **served}

    def _text(self) -> Iterator[bytes]:
        head = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{self.first}\n"
        names = "".join(f"#EXTINF:0.5,\n{number}.ts\n" for number in self.listed)
        yield (head + names + self.foot).encode()
        if self.grows and len(self.listed) < len(self.segments):
            self.publish()


def camera(address: str, options: LiveOptions = BRIEF) -> CameraSource:
    return CameraSource("gate", address, options, SystemClock())


def until_lost(source: CameraSource) -> tuple[list[Frame], str]:
    """Read a session to its end: what came, and why it ended."""
    frames: list[Frame] = []
    with pytest.raises(SourceError) as caught:
        frames.extend(source.session(0, 0.0))
    return frames, str(caught.value)


def digests(frames: list[Frame]) -> list[bytes]:
    images = [frame.picture.image for frame in frames]
    return [luma_digest(image) for image in images if image is not None]


def held_back(kind: str, number: int) -> int:
    """How many pictures of a segment its successor may refer to, so that the decoder has them."""
    if kind in (
        "reordered",
        "hevc",
    ):  # until enough segments were seen to begin with an IDR picture
        return 2 if number < 2 else 0
    return {"open": 2, "open hevc": 2, "mpeg2": 1}.get(kind, 0)


def test_no_picture_waits_for_the_next_segment(ffmpeg: Path, tmp_path: Path, kind: str) -> None:
    recording = recording_of(ffmpeg, tmp_path, KINDS[kind])
    published = Publication(recording.segments)
    frames: list[Frame] = []
    total = 0
    with (
        WebServer(tmp_path, published.streams()) as server,
        closing(camera(server.url("/live.m3u8")).session(0, 0.0)) as session,
    ):
        for number, pictures in enumerate(recording.counts):
            total += pictures
            frames += islice(session, total - held_back(kind, number) - len(frames))
            # All of it is there, and the next one is not yet.
            assert len(frames) == total - held_back(kind, number)
            published.publish()
    assert digests(frames) == recording.shown[: len(frames)]
    assert not any(frame.corrupt for frame in frames)
    times = [frame.media_time for frame in frames]
    assert all(b - a == pytest.approx(1 / RATE, abs=1e-3) for a, b in pairwise(times))


MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=9000000,CODECS="mp4a.40.2"
sound.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=160x96
deep/live.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=80x48
small.m3u8
"""


@pytest.mark.parametrize("way", ["by another name", "variants", "moved", "login", "https"])
def test_it_is_the_same_however_one_gets_there(
    tmp_path: Path, cameras: Recording, way: str
) -> None:
    published = Publication(cameras.segments)
    right = certify(tmp_path / "keys", LOOPBACK)
    streams = published.streams("/deep/")
    streams["/deep/live"] = streams["/deep/live.m3u8"]
    streams["/main.m3u8"] = Stream(PLAYLIST, lambda: iter([MASTER.encode()]))
    server = WebServer(
        tmp_path,
        streams,
        tls=right if way == "https" else None,
        moved={"/elsewhere.m3u8": "/deep/live.m3u8"},
        login="viewer:canary" if way == "login" else None,
    )
    paths = {"by another name": "/deep/live", "variants": "/main.m3u8", "moved": "/elsewhere.m3u8"}
    with server:
        address = server.url(paths.get(way, "/deep/live.m3u8"))
        if way == "login":
            address = address.replace("//", "//viewer:canary@")
        options = LiveOptions(read_timeout=1.5, tls_ca_file=right.authority)
        with closing(camera(address, options).session(0, 0.0)) as session:
            frames = list(islice(session, cameras.counts[0]))
            published.publish()
            frames += islice(session, cameras.counts[1])
            server.login, published.listed = "other:canary", [3]
            with pytest.raises(SourceError) as caught:
                list(session)
    assert digests(frames) == cameras.shown[: len(frames)]
    assert "canary" not in str(caught.value)


def test_a_picture_that_two_segments_share_is_put_together(
    ffmpeg: Path, tmp_path: Path, cameras: Recording
) -> None:
    joined = b"".join(cameras.segments)
    each = len(joined) // 188 // 7 * 188
    cut = [joined[at : at + each] for at in range(0, 6 * each, each)] + [joined[6 * each :]]
    with WebServer(tmp_path, Publication(cut, grows=True).streams()) as server:
        frames, why = until_lost(camera(server.url("/live.m3u8")))
    assert digests(frames) == cameras.shown
    assert "no answer" in why


def test_what_cannot_be_had_is_stepped_over_until_the_playlist_ends(
    tmp_path: Path, cameras: Recording
) -> None:
    published = Publication(cameras.segments, listed=[0], gone=1)
    with (
        WebServer(tmp_path, published.streams()) as server,
        closing(camera(server.url("/live.m3u8")).session(0, 0.0)) as session,
    ):
        frames = list(islice(session, cameras.counts[0]))
        published.listed, published.foot = [0, 1, 2], "#EXT-X-ENDLIST\n"
        with pytest.raises(SourceError, match="the sender ended it"):
            frames.extend(session)
    each = cameras.counts[0]
    assert digests(frames) == cameras.shown[:each] + cameras.shown[2 * each : 3 * each]


def test_a_playlist_that_counts_from_the_beginning_again_is_followed(
    tmp_path: Path, cameras: Recording
) -> None:
    published = Publication(cameras.segments, first=1000)
    with (
        WebServer(tmp_path, published.streams()) as server,
        closing(camera(server.url("/live.m3u8")).session(0, 0.0)) as session,
    ):
        frames = list(islice(session, cameras.counts[0]))
        published.first, published.listed = 0, [1]
        frames += islice(session, cameras.counts[1])
    assert digests(frames) == cameras.shown[: len(frames)]


def odd(text: bytes, requests: int, way: str) -> bytes:
    """The playlist that a server sends at a request, in one of many ways."""
    if way == "byte order mark":
        return b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n")
    if requests % 3 == 2:
        others = {"html": b"<html>\none moment\n</html>\n", "master": MASTER.encode()}
        return others.get(way, text)
    return text


@pytest.mark.parametrize("way", ["byte order mark", "html", "master"])
def test_what_an_odd_server_sends_in_place_of_its_playlist_loses_nothing(
    tmp_path: Path, cameras: Recording, way: str
) -> None:
    published = Publication(cameras.segments)
    streams = published.streams()
    requests = iter(range(1000))

    def text() -> Iterator[bytes]:
        number = next(requests)
        yield odd(b"".join(published._text()), number, way)
        published.listed = list(range(min(number + 1, len(cameras.segments) - 1) + 1))

    streams["/live.m3u8"] = Stream(PLAYLIST, text)
    with (
        WebServer(tmp_path, streams) as server,
        closing(camera(server.url("/live.m3u8")).session(0, 0.0)) as session,
    ):
        assert digests(list(islice(session, len(cameras.shown)))) == cameras.shown


def test_pictures_that_move_to_another_stream_are_found_by_connecting_again(
    ffmpeg: Path, tmp_path: Path, cameras: Recording
) -> None:
    record(ffmpeg, tmp_path, KINDS["cameras"], "-hls_segment_options mpegts_start_pid=300")
    moved = [path.read_bytes() for path in sorted(tmp_path.glob("live*.ts"))]
    published = Publication([*cameras.segments[:1], *moved * 20], grows=True)
    with WebServer(tmp_path, published.streams()) as server:
        source = camera(server.url("/live.m3u8"))
        frames, why = until_lost(source)
        assert digests(frames) == cameras.shown[: cameras.counts[0]]
        assert "its segments bring no more pictures" in why
        with closing(source.session(0, 0.0)) as session:
            assert len(list(islice(session, RATE))) == RATE


@pytest.mark.parametrize("how", ["-hls_segment_type fmp4", "-hls_key_info_file key.txt"])
def test_segments_of_other_kinds_are_left_to_ffmpeg(ffmpeg: Path, tmp_path: Path, how: str) -> None:
    (tmp_path / "key.bin").write_bytes(bytes(range(16)))
    (tmp_path / "key.txt").write_text("key.bin\nkey.bin\n")
    record(ffmpeg, tmp_path, KINDS["cameras"], how)
    playlist = tmp_path / "live.m3u8"
    pictures = shown(ffmpeg, playlist)
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST", ""))
    with WebServer(tmp_path) as server:
        frames, _ = until_lost(camera(server.url("/live.m3u8")))
    assert RATE - 2 <= len(frames) <= RATE
    assert digests(frames) == pictures[-RATE:][: len(frames)]
