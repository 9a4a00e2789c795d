"""Every way of decoding, against plain decoding from the beginning by PyAV."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import pytest
from av import Packet, VideoStream

from streamsel.choices import Decode
from streamsel.frame import Frame
from streamsel.interfaces.concurrency import OrderedMap
from streamsel.runtime.ordered_map import ThreadedMap
from streamsel.sources.decode.gops import cut
from streamsel.sources.decode.video_reader import VideoReader
from streamsel.sources.file import FileSource
from tests.sources.media import image_of, join, moving_picture, write_video

X265 = "log-level=error:bframes=3:keyint=10:min-keyint=10:scenecut=0"
KINDS = {
    "closed.mp4": ("libx264", {"preset": "veryfast", "bf": "3"}),
    "open.mp4": ("libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=10:min-keyint=10"}),
    "open.ts": ("libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=10:min-keyint=10"}),
    "refresh.ts": ("libx264", {"x264-params": "intra-refresh=1:keyint=10:bframes=0"}),
    "refresh.mkv": ("libx264", {"x264-params": "intra-refresh=1:keyint=10:bframes=0"}),
    "hevc-open.mp4": ("libx265", {"preset": "veryfast", "x265-params": X265 + ":open-gop=1"}),
    "hevc-closed.mkv": ("libx265", {"preset": "veryfast", "x265-params": X265 + ":open-gop=0"}),
    "vp8.webm": ("libvpx", {"auto-alt-ref": "1", "lag-in-frames": "10", "deadline": "realtime"}),
    "vp9.webm": ("libvpx-vp9", {"auto-alt-ref": "1", "lag-in-frames": "10", "cpu-used": "8"}),
    "mpeg2.ts": ("mpeg2video", {"bf": "2"}),
    "mpeg4.mp4": ("mpeg4", {"bf": "2"}),
    "mpeg4.avi": ("mpeg4", {"bf": "2"}),
    "mjpeg.avi": ("mjpeg", {"pixels": "yuvj420p"}),
}
CUTTABLE = sorted(set(KINDS) - {"refresh.ts", "refresh.mkv", "mpeg4.avi"})


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("groups")

    def get(kind: str) -> Path:
        path = folder / kind
        if not path.exists():
            codec, options = KINDS[kind]
            options = dict(options)
            pixels = options.pop("pixels", "yuv420p")
            write_video(path, codec, frames=57, gop=10, options=options, pixels=pixels)
        return path

    return get


def digest(image: av.VideoFrame) -> str:
    return hashlib.sha256(image.to_ndarray().tobytes()).hexdigest()


def by_pyav(path: Path) -> list[tuple[int | None, str]]:
    """(pts, digest) of every picture, decoded from the beginning by one decoder."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "SLICE", 1
        return [(image.pts, digest(image)) for image in container.decode(stream)]


Facts: TypeAlias = tuple[int, int | None, str]


def facts(frames: Iterable[Frame]) -> list[Facts]:
    return [(frame.key.index, frame.pts, digest(image_of(frame))) for frame in frames]


def read(
    path: Path,
    *,
    decode: Decode = "all",
    ahead: OrderedMap | None = None,
    start: float | None = None,
) -> list[Facts]:
    return facts(FileSource("walk", str(path), decode=decode, ahead=ahead, start=start).frames())


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("workers", [1, 3])
def test_groups_give_what_one_decoder_gives(
    video: Callable[[str], Path], kind: str, workers: int
) -> None:
    path = video(kind)
    expected = [(index, *one) for index, one in enumerate(by_pyav(path))]
    assert len(expected) >= 55
    assert read(path, ahead=ThreadedMap(workers)) == expected


@pytest.mark.parametrize("kind", ["closed.mp4", "hevc-open.mp4", "vp9.webm"])
def test_groups_too_long_to_wait_are_decoded_by_all_threads(
    video: Callable[[str], Path], kind: str
) -> None:
    assert read(video(kind), ahead=ThreadedMap(3, room_bytes=1000)) == read(video(kind))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_videos_are_cut_exactly_where_that_changes_nothing(
    video: Callable[[str], Path], kind: str
) -> None:
    with VideoReader("here", str(video(kind))) as session:
        gops = sum(1 for _ in cut(session.packets(), session.random_access()))
    assert gops == 1 if kind not in CUTTABLE else gops >= 5


@pytest.mark.parametrize("kind", CUTTABLE)
@pytest.mark.parametrize("workers", [1, 2])
def test_keyframes_come_out_alone_under_their_names(
    video: Callable[[str], Path], kind: str, workers: int
) -> None:
    path = video(kind)
    everything = {pts: (index, digest) for index, pts, digest in read(path)}
    keys = read(path, decode="keyframes", ahead=ThreadedMap(workers))
    assert 5 <= len(keys) <= 10 or kind == "mjpeg.avi"
    assert [(index, digest) for index, _, digest in keys] == [everything[pts] for _, pts, _ in keys]


@pytest.mark.parametrize("kind", ["closed.mp4", "open.mp4", "hevc-open.mp4", "mpeg2.ts"])
def test_frames_that_others_refer_to_are_exact(video: Callable[[str], Path], kind: str) -> None:
    everything = read(video(kind))
    some = read(video(kind), decode="reference", ahead=ThreadedMap(2))
    assert 6 < len(some) < len(everything)
    assert set(some) <= set(everything)


def test_fast_looks_at_every_frame_and_finds_them_again_exactly(
    video: Callable[[str], Path],
) -> None:
    path = video("closed.mp4")
    everything = read(path)
    source = FileSource("walk", str(path), decode="fast", ahead=ThreadedMap(2))
    seen = list(source.frames())
    assert [frame.key.index for frame in seen] == [index for index, _, _ in everything]
    assert all(frame.picture.is_provisional for frame in seen)
    assert facts(seen) != everything  # the edges of blocks are left visible
    found = list(source.fetch([0, 9, 10, 31, 56]))
    assert facts(found) == [everything[index] for index in (0, 9, 10, 31, 56)]
    assert not any(frame.picture.is_provisional for frame in found)


@pytest.mark.parametrize("decode", ["all", "keyframes", "reference"])
def test_what_lies_before_the_start_is_passed_over_not_renamed(
    tmp_path: Path, decode: Decode, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"preset": "veryfast", "bf": "3"}
    path = write_video(tmp_path / "long.mp4", frames=157, gop=10, options=options)
    everything = read(path, decode=decode)
    decoded: list[Packet[VideoStream]] = []
    plainly = VideoReader.decode

    def noted(
        self: VideoReader, packet: Packet[VideoStream], *, is_quiet: bool = False
    ) -> list[av.VideoFrame]:
        decoded.append(packet)
        return plainly(self, packet, is_quiet=is_quiet)

    monkeypatch.setattr(VideoReader, "decode", noted)
    late = facts(FileSource("walk", str(path), decode=decode).frames(145))
    assert late == [one for one in everything if one[0] >= 145]
    # The first two groups always are, to know whether the video can be cut.
    assert len(decoded) < 60
    decoded.clear()
    after = read(path, decode=decode, start=6.0)
    assert after == [one for one in everything if one[0] >= 150]
    assert len(decoded) < 90


def still_then_moving(path: Path, *, at: Collection[int]) -> Path:
    """A picture that rests, with a little noise, but for what happens ``at`` these frames."""
    chance = np.random.default_rng(5)
    with av.open(str(path), "w") as container:
        x264 = {"preset": "veryfast", "x264-params": "keyint=25:min-keyint=25:scenecut=0"}
        stream = container.add_stream("libx264", rate=25, options=x264)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for index in range(700):
            picture = moving_picture(0).astype(np.int16) + chance.integers(-2, 3, (120, 160, 3))
            if index in at:
                picture[40:100, 30:110] = (20, 220, 40)
            image = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), "rgb24")
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def test_adaptive_decodes_what_begins_and_ends_between_keyframes(tmp_path: Path) -> None:
    event = range(410, 420)  # between the keyframes 400 and 425
    path = still_then_moving(tmp_path / "rests.mp4", at=event)
    everything = read(path)
    once = read(path, decode="adaptive")
    assert once == read(path, decode="adaptive", ahead=ThreadedMap(3))
    assert set(once) <= set(everything)
    late = facts(FileSource("walk", str(path), decode="adaptive").frames(430))
    assert late == [one for one in once if one[0] >= 430]
    indices = {index for index, _, _ in once}
    assert set(event) <= indices
    assert set(range(0, 700, 25)) <= indices  # no group goes unseen
    assert len(once) < 350


def test_damage_in_one_group_leaves_the_others(
    video: Callable[[str], Path], tmp_path: Path
) -> None:
    content = bytearray(video("closed.mp4").read_bytes())
    with av.open(str(video("closed.mp4"))) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    hurt = packets[20]
    assert hurt.pos is not None
    content[hurt.pos : hurt.pos + hurt.size] = b"\xff" * hurt.size
    path = tmp_path / "hurt.mp4"
    path.write_bytes(content)
    source = FileSource("walk", str(path), ahead=ThreadedMap(3))
    frames = list(source.frames())
    whole = {pts: (index, digest) for index, pts, digest in read(video("closed.mp4"))}
    kept = [f for f in frames if whole[f.pts] == (f.key.index, digest(image_of(f)))]
    assert len(kept) >= 40
    assert read(path) == facts(frames)
    later = [frame.key.index for frame in frames if frame.key.index > 25]
    found = FileSource("walk", str(path)).fetch(later)
    assert facts(found) == [one for one in facts(frames) if one[0] in later]
    assert any("damaged packet" in warning for warning in source.warnings()) or any(
        frame.corrupt for frame in frames
    )


@pytest.mark.parametrize("decode", ["all", "keyframes", "adaptive"])
def test_what_comes_after_a_clock_that_was_set_back_is_not_passed_over(
    tmp_path: Path, decode: Decode
) -> None:
    options = {"preset": "veryfast", "bf": "0"}
    starts = [("late.ts", range(900, 912)), ("early.ts", range(24))]
    parts = [write_video(tmp_path / n, options=options, times=at, gop=6) for n, at in starts]
    path = join(tmp_path / "joined.ts", parts)
    with av.open(str(path)) as container:
        expected = sum(1 for _ in container.decode(video=0))
    everything = read(path)
    assert [index for index, *_ in everything] == list(range(expected))
    found = read(path, decode=decode)
    assert found[-1][0] >= expected - 6
    assert set(found) <= set(everything)
    for workers in (1, 3):
        late = read(path, decode=decode, start=0.3, ahead=ThreadedMap(workers))
        assert [index for index, *_ in late] == [index for index, *_ in found if index >= 8]
