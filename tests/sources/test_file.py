from __future__ import annotations

import http.server
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypedDict

import av
import numpy as np
import pytest
from av import Packet, VideoStream

from streamsel.errors import ConfigurationError, SourceError, UnreadableError
from streamsel.frame import Frame, FrameKey
from streamsel.runtime.ordered_map import ThreadedMap
from streamsel.sources import file as file_module
from streamsel.sources.decode.video_reader import VideoReader
from streamsel.sources.file import FileSource
from tests.sources.media import MAKERS, image_of, pictures, write_video

UNTIMED = {"raw.h264", "raw.hevc"}
SEEKABLE = ["h264.mp4", "open_gop.mp4", "h264.mkv", "hevc.mp4", "vp9.webm"]


def rgb(frame: Frame) -> np.ndarray:
    image = frame.picture.image
    assert image is not None
    return np.asarray(image.to_ndarray(format="rgb24", threads=1))


class Chosen(TypedDict, total=False):
    """Which frames are asked for, and how."""

    start: float
    end: float
    fps: float
    filters: str


def index_of(facts: tuple[object, ...]) -> int:
    key = facts[0]
    assert isinstance(key, FrameKey)
    return key.index


def facts(frame: Frame) -> tuple[object, ...]:
    return (
        *(frame.key, frame.pts, frame.time_base, frame.media_time),
        *(frame.width, frame.height, frame.corrupt, frame.picture.rotation),
        rgb(frame).tobytes(),
    )


@pytest.mark.parametrize("kind", list(MAKERS))
@pytest.mark.usefixtures("no_open_files_left")
def test_every_format_is_read_exactly(media: Callable[[str], Path], kind: str) -> None:
    path = media(kind)
    source = FileSource("walk", str(path))
    frames = list(source.frames())
    expected = list(pictures(path))
    assert [frame.key for frame in frames] == [FrameKey("walk", i) for i in range(len(expected))]
    assert [frame.pts for frame in frames] == [pts for pts, _ in expected]
    for frame, (_, picture) in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(rgb(frame), picture)
        assert (frame.height, frame.width) == picture.shape[:2]
    assert frames[0].media_time == 0
    assert source.expected_frames == len(frames)
    assert bool(source.warnings()) == (kind in UNTIMED)


@pytest.mark.parametrize("kind", list(MAKERS))
def test_frames_can_be_decoded_again_exactly(media: Callable[[str], Path], kind: str) -> None:
    source = FileSource("walk", str(media(kind)))
    seen = [facts(frame) for frame in source.frames()]
    wanted = sorted({0, 1, len(seen) // 2, len(seen) - 2, len(seen) - 1} & set(range(len(seen))))
    assert [facts(frame) for frame in source.fetch(wanted[::-1])] == [seen[i] for i in wanted]
    unseen = FileSource("walk", str(media(kind)))
    assert [facts(frame) for frame in unseen.fetch(wanted)] == [seen[i] for i in wanted]


class CountingSession(VideoReader):
    """Counts the pictures that are decoded, over all sessions."""

    decoded = 0

    def decode(self, packet: Packet[VideoStream], *, is_quiet: bool = False) -> list[av.VideoFrame]:
        images = super().decode(packet, is_quiet=is_quiet)
        CountingSession.decoded += len(images)
        return images

    def drain(self, *, is_quiet: bool = False) -> list[av.VideoFrame]:
        images = super().drain(is_quiet=is_quiet)
        CountingSession.decoded += len(images)
        return images


@pytest.mark.parametrize("kind", SEEKABLE)
def test_known_frames_are_sought_not_decoded_from_the_start(
    media: Callable[[str], Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "VideoReader", CountingSession)
    source = FileSource("walk", str(media(kind)))
    seen = list(source.frames())
    CountingSession.decoded = 0
    assert [frame.key.index for frame in source.fetch([3, 48])] == [3, 48]
    assert CountingSession.decoded < len(seen)


def test_a_seek_that_gives_other_pixels_is_noticed(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", options={"preset": "veryfast"})
    source = FileSource("walk", str(path))
    list(source.frames())
    write_video(path, options={"preset": "veryfast", "crf": "40"})
    again = list(source.fetch([30]))
    assert [rgb(frame).tobytes() for frame in again] == [list(pictures(path))[30][1].tobytes()]
    write_video(path, frames=10, options={"preset": "veryfast"})
    with pytest.raises(SourceError, match="frame 30 does not exist any more"):
        list(source.fetch([30]))


@pytest.mark.parametrize("kind", ["h264.mp4", "raw.h264", "vfr.mp4"])
@pytest.mark.parametrize(
    "asked", [{}, {"fps": 5}, {"start": 0.3, "end": 1.5, "fps": 7}, {"filters": "fps=10,hflip"}]
)
@pytest.mark.parametrize("begin", [1, 17])
def test_continuing_is_the_same_as_reading_from_the_start(
    media: Callable[[str], Path], kind: str, asked: Chosen, begin: int
) -> None:
    source = FileSource("walk", str(media(kind)), **asked)
    whole = [facts(frame) for frame in source.frames()]
    later = [one for one in whole if index_of(one) >= begin]
    assert [facts(frame) for frame in source.frames(start=begin)] == later
    assert later


def test_choosing_frames_does_not_renumber_them(media: Callable[[str], Path]) -> None:
    everything = list(FileSource("walk", str(media("h264.mp4"))).frames())
    source = FileSource("walk", str(media("h264.mp4")), start=0.5, end=1.5, fps=5)
    chosen = list(source.frames())
    assert [frame.key.index for frame in chosen] == [13, 18, 23, 28, 33]
    assert source.expected_frames == 5
    for frame in chosen:
        assert facts(frame) == facts(everything[frame.key.index])


def test_filters_see_every_frame_and_number_their_output(media: Callable[[str], Path]) -> None:
    source = FileSource("walk", str(media("h264.mp4")), filters="scale=80:-2,fps=5")
    frames = list(source.frames())
    assert [frame.key.index for frame in frames] == list(range(10))
    assert [frame.media_time for frame in frames] == pytest.approx([i / 5 for i in range(10)])
    assert {(frame.width, frame.height) for frame in frames} == {(80, 60)}
    assert source.expected_frames is None
    assert [facts(f) for f in source.fetch([7])] == [facts(frames[7])]
    assert FileSource("walk", str(media("h264.mp4")), filters="hflip").expected_frames == 50


def test_a_bad_chain_is_refused_when_the_source_is_made(media: Callable[[str], Path]) -> None:
    with pytest.raises(ConfigurationError, match="Invalid size"):
        FileSource("walk", str(media("h264.mp4")), filters="scale=w=foo")


def test_a_chain_that_does_not_fit_a_video_is_the_error_of_that_video(
    media: Callable[[str], Path],
) -> None:
    source = FileSource("walk", str(media("h264.mp4")), filters="crop=999:999")
    with pytest.raises(SourceError, match=r"feed 'walk': filter chain .*too big"):
        list(source.frames())


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rotated_video_is_upright_as_in_ffmpeg(
    tmp_path: Path, ffmpeg: Path, rotation: int, mirrored: bool
) -> None:
    path = write_video(
        tmp_path / "turned.mp4",
        frames=4,
        options={"preset": "veryfast"},
        rotation=rotation,
        mirrored=mirrored,
    )
    upright = peer_frames(ffmpeg, path, "gray")
    frames = list(FileSource("walk", str(path)).frames())
    for frame, expected in zip(frames, upright, strict=True):
        turned = np.rot90(luma(frame), frame.picture.rotation // 90)
        np.testing.assert_array_equal(turned, expected.reshape(frame.height, frame.width))
    filtered = list(FileSource("walk", str(path), filters="null").frames())
    assert {frame.picture.rotation for frame in filtered} == {0}
    np.testing.assert_array_equal(luma(filtered[1]), upright[1].reshape(luma(filtered[1]).shape))
    (again,) = FileSource("walk", str(path)).fetch([1])
    assert facts(again) == facts(frames[1])


@pytest.mark.parametrize(
    ("kind", "pixels"),
    [("ten_bit.mp4", "yuv420p10le"), ("vfr.mp4", "yuv420p"), ("h264.ts", "gray")],
)
def test_pictures_are_those_of_ffmpeg(
    media: Callable[[str], Path], ffmpeg: Path, kind: str, pixels: str
) -> None:
    path = media(kind)
    frames = list(FileSource("walk", str(path)).frames())
    theirs = peer_frames(ffmpeg, path, pixels)
    assert len(frames) == len(theirs)
    for frame, expected in zip(frames, theirs, strict=True):
        ours = (
            luma(frame)
            if pixels == "gray"
            else image_of(frame).to_ndarray(format=pixels, threads=1)
        )
        np.testing.assert_array_equal(np.ascontiguousarray(ours).view(np.uint8).ravel(), expected)


def peer_frames(ffmpeg: Path, path: Path, pixels: str) -> np.ndarray:
    """The frames by ffmpeg itself, (N, bytes), the luma alone where gray is asked for."""
    filters = "extractplanes=y" if pixels == "gray" else "null"
    command = [str(ffmpeg), "-v", "error", "-i", str(path), "-vf", filters, "-vsync", "passthrough"]
    command += ["-f", "rawvideo", "-pix_fmt", pixels, "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    count = len(list(pictures(path)))
    assert len(raw) % count == 0
    return np.frombuffer(raw, np.uint8).reshape(count, -1)


def luma(frame: Frame) -> np.ndarray:
    plane = image_of(frame).planes[0]
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def test_missing_timestamps_are_filled_at_the_average_rate(media: Callable[[str], Path]) -> None:
    times = [frame.media_time for frame in FileSource("walk", str(media("raw.h264"))).frames()]
    assert times == pytest.approx([i / 25 for i in range(50)])


def test_variable_rates_keep_their_times(media: Callable[[str], Path]) -> None:
    frames = list(FileSource("walk", str(media("vfr.mp4"))).frames())
    expected = [*range(20), *range(23, 90, 7), 700, 701]
    assert [frame.media_time for frame in frames] == pytest.approx([t / 25 for t in expected])


@pytest.mark.usefixtures("no_open_files_left")
def test_a_generator_that_is_closed_early_closes_the_file(media: Callable[[str], Path]) -> None:
    source = FileSource("walk", str(media("h264.mp4")))
    frames = source.frames()
    first = next(frames)
    frames.close()
    assert rgb(first).any()
    assert source.warnings() == ()
    again = source.fetch([0, 20])
    next(again)
    again.close()


def test_a_frame_that_another_has_taken_the_time_of_is_not_taken_for_it(tmp_path: Path) -> None:
    """All of them are keyframes, and those after the first come under the times of later ones."""
    write = partial(write_video, gop=1, options={"preset": "veryfast"})
    path = write(tmp_path / "a.mp4", times=range(50))
    source = FileSource("walk", str(path))
    list(source.frames())
    write(path, times=[0, *range(2, 51)])
    again = list(source.fetch([30]))
    assert [frame.key.index for frame in again] == [30]
    assert [rgb(frame).tobytes() for frame in again] == [list(pictures(path))[30][1].tobytes()]


def test_more_threads_give_the_same_frames(media: Callable[[str], Path]) -> None:
    one = FileSource("walk", str(media("h264.mp4")))
    many = FileSource("walk", str(media("h264.mp4")), ahead=ThreadedMap(4))
    assert [facts(f) for f in one.frames()] == [facts(f) for f in many.frames()]


def test_strange_names_are_paths_not_protocols(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "concat:a|b.mp4",
        "http:x.mp4",
        "a%03d.mp4",
        "-y.mp4",
        "\u00fcn\u00efc\u00f6de \U0001f3a5.mp4",
    ):
        write_video(tmp_path / "plain.mp4", frames=3, options={"preset": "ultrafast"}).rename(
            tmp_path / name
        )
        monkeypatch.chdir(tmp_path)
        assert len(list(FileSource("walk", name).frames())) == 3


def test_what_cannot_be_opened_says_why_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^feed 'walk': .*none.mp4 cannot be opened: No such"):
        list(FileSource("walk", str(tmp_path / "none.mp4")).frames())
    assert FileSource("walk", str(tmp_path / "none.mp4")).expected_frames is None


class Site:
    """A web server on loopback that knows a video, and refuses the rest."""

    def __init__(self, root: Path) -> None:
        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(Handler, directory=str(root))
        )
        self.pool = ThreadPoolExecutor(1)
        self.pool.submit(self.server.serve_forever, 0.02)

    def url(self, path: str) -> str:
        return f"http://me:hidden@127.0.0.1:{self.server.server_address[1]}/{path}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.server.shutdown()
    site.pool.shutdown()
    site.server.server_close()


def test_a_url_is_read_like_a_file(site: Site, tmp_path: Path) -> None:
    faststart = {"movflags": "faststart"}
    write_video(tmp_path / "a.mp4", options={"preset": "ultrafast"}, container_options=faststart)
    source = FileSource("walk", site.url("a.mp4?token=hush"))
    seen = [facts(frame) for frame in source.frames()]
    assert len(seen) == source.expected_frames == 50
    assert [facts(frame) for frame in source.fetch([33])] == [seen[33]]
    assert "hidden" not in source.address
    assert "hush" not in source.address


def test_errors_of_servers_carry_no_password(site: Site, tmp_path: Path) -> None:
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXTINF:5,\na.ts\n#EXT-X-ENDLIST\n")
    for path, kind, part in [
        ("none.mp4?sig=hush", SourceError, "404"),
        ("list.mp4", UnreadableError, "cannot be read as video"),
    ]:
        with pytest.raises(kind, match=part) as caught:
            list(FileSource("walk", site.url(path)).frames())
        assert "hidden" not in str(caught.value)
        assert "hush" not in str(caught.value)
        assert caught.value.__suppress_context__


def test_a_server_that_is_not_there(site: Site) -> None:
    address = site.url("a.mp4")
    site.server.shutdown()
    site.server.server_close()
    with pytest.raises(SourceError, match="refused"):
        list(FileSource("walk", address).frames())


@pytest.mark.parametrize("kind", ["all", "sought", "from the beginning"])
def test_a_reading_that_is_stopped_decodes_no_further(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "VideoReader", CountingSession)
    source = FileSource("walk", str(write_video(tmp_path / "a.mp4", gop=5)))
    if kind == "sought":
        list(source.frames())
    CountingSession.decoded = 0
    reading = source.frames() if kind == "all" else source.fetch(range(2, 50, 5))
    next(reading)
    source.stop()
    assert list(reading) == []
    assert 0 < CountingSession.decoded < 25
    assert list(source.fetch([1])) == []


@pytest.mark.usefixtures("no_open_files_left")
def test_a_reading_that_yields_nothing_can_be_stopped(media: Callable[[str], Path]) -> None:
    source = FileSource("walk", str(media("h264.mp4")), filters="loop=loop=-1:size=10")
    with ThreadPoolExecutor(1) as pool:
        never = pool.submit(lambda: list(source.frames(start=10**12)))
        assert not never.done()
        source.stop()
        assert never.result(timeout=60) == []


def test_the_fingerprint_follows_the_content(media: Callable[[str], Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(media("h264.mp4").read_bytes())
    source = FileSource("walk", str(copy))
    before = source.fingerprint
    assert before == FileSource("other", str(media("h264.mp4"))).fingerprint
    copy.write_bytes(copy.read_bytes() + b"more")
    assert source.fingerprint != before


def test_alpha_that_is_not_read_is_said_to_be_missing(tmp_path: Path) -> None:
    for codec in ("libvpx", "libvpx-vp9"):
        options = {"auto-alt-ref": "0", "deadline": "realtime"}
        path = write_video(
            tmp_path / f"{codec}.webm", codec, frames=3, pixels="yuva420p", options=options
        )
        source = FileSource("a", str(path))
        assert len(list(source.frames())) == 3
        (warning,) = source.warnings()
        assert "alpha is not read" in warning


def test_alpha_that_a_codec_decodes_is_not_said_to_be_missing(ffmpeg: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    written = "-f lavfi -i testsrc2=s=64x48:d=0.12:r=25 -c:v ffv1 -pix_fmt yuva420p"
    subprocess.run([ffmpeg, "-v", "error", *written.split(), path], check=True)
    with av.open(path) as container:
        assert container.streams.video[0].metadata["alpha_mode"] == "1"
    source = FileSource("a", str(path))
    assert [image_of(frame).format.name for frame in source.frames()] == ["yuva420p"] * 3
    assert source.warnings() == ()


@pytest.mark.parametrize(("default", "chosen"), [(None, (128, 96)), (0, (64, 48)), (2, (96, 64))])
def test_of_several_videos_the_default_or_else_the_largest_is_read(
    ffmpeg: Path, tmp_path: Path, default: int | None, chosen: tuple[int, int]
) -> None:
    sizes = [(64, 48), (128, 96), (96, 64)]
    parts = [
        write_video(tmp_path / f"{width}.mp4", frames=3, size=(width, height))
        for width, height in sizes
    ]
    given = [word for part in parts for word in ("-i", part)]
    mapped = [word for number in range(3) for word in ("-map", str(number))]
    marks = [
        word
        for number in range(3)
        for word in (f"-disposition:v:{number}", "default" if number == default else "0")
    ]
    path = tmp_path / "several.mkv"
    subprocess.run([ffmpeg, "-v", "error", *given, *mapped, "-c", "copy", *marks, path], check=True)
    image = image_of(next(FileSource("x", str(path)).frames()))
    assert (image.width, image.height) == chosen
