"""What one decoder makes of the whole is the truth, however a video is cut, damaged or begun."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest

from streamsel.choices import Decode
from streamsel.frame import Frame
from streamsel.runtime.ordered_map import ThreadedMap
from streamsel.sources.decode.copying import Copier
from streamsel.sources.decode.video_reader import VideoReader
from streamsel.sources.file import FileSource
from tests.sources.decode.test_parallel import digest
from tests.sources.media import join, write_video

WAYS: tuple[Decode, ...] = get_args(Decode)
X264 = {"preset": "veryfast", "bf": "2"}
Seen = tuple[int, float, str, int, bool]


def see(frame: Frame) -> Seen:
    """Index, time, pixels, colours, and whether it is called damaged."""
    image = frame.picture.image
    assert image is not None
    return frame.key.index, frame.media_time, digest(image), int(image.colorspace), frame.corrupt


def read(path: Path, workers: int = 1, start: int = 0, decode: Decode = "all") -> list[Seen]:
    source = FileSource("walk", str(path), decode=decode, ahead=ThreadedMap(workers))
    return [see(frame) for frame in source.frames(start)]


def by_pyav(path: Path) -> list[tuple[str, int]]:
    """Pixels and colours of every picture, decoded from the beginning by one decoder."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "SLICE", 1
        seen = []
        for packet in container.demux(stream):
            try:
                seen += [(digest(image), int(image.colorspace)) for image in packet.decode()]
            except av.FFmpegError:
                continue
        return seen


def as_by_an_old_encoder(path: Path) -> Path:
    """Let x264 claim to be a build with another decoding of High 4:4:4."""
    content = path.read_bytes()
    name = b"x264 - core "
    at = content.index(name) + len(name)
    path.write_bytes(content[:at] + b"142" + content[at + 3 :])
    return path


def old_444(path: Path) -> Path:
    # Short, for what is decoded otherwise than it was encoded soon shows what was in memory.
    return as_by_an_old_encoder(
        write_video(path, frames=24, gop=6, pixels="yuv444p", options={**X264, "qp": "0"})
    )


def tags_change(path: Path) -> Path:
    """Untagged, BT.709, untagged again: what says nothing of colours changes none."""
    tagged = {**X264, "x264-params": "colormatrix=bt709:colorprim=bt709:transfer=bt709"}
    return join(
        path,
        [
            write_video(path.with_name(f"{part}.ts"), frames=24, gop=8, options=options)
            for part, options in enumerate((X264, tagged, X264))
        ],
    )


def in_mid_group(path: Path) -> Path:
    whole = write_video(path.with_name("whole.ts"), frames=60, gop=15, options=X264)
    path.write_bytes(whole.read_bytes()[188 * 40 + 1 :])
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "old-444.mkv": old_444,
    "tags.ts": tags_change,
    "mid.ts": in_mid_group,
    "h263.avi": lambda p: write_video(p, "h263", frames=30, gop=6, size=(176, 144)),
    "b-frames.avi": lambda p: write_video(p, frames=30, gop=8, options=X264),
    "b-frames.asf": lambda p: write_video(p, frames=30, gop=8, options=X264),
    "mpeg4.avi": lambda p: write_video(p, "mpeg4", frames=30, gop=8, options={"bf": "2"}),
    "raw.h264": lambda p: write_video(p, frames=30, gop=8, options=X264),
}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    def get(kind: str) -> Path:
        folder = tmp_path_factory.getbasetemp() / "one-decoder" / kind
        if not folder.exists():
            folder.mkdir(parents=True)
            MAKERS[kind](folder / kind)
        return folder / kind

    return get


@pytest.mark.parametrize("kind", MAKERS)
def test_every_way_and_number_of_threads_shows_what_one_decoder_does(
    video: Callable[[str], Path], kind: str
) -> None:
    path = video(kind)
    everything = read(path)
    truth = by_pyav(path)
    assert [(index, *one) for index, one in enumerate(truth)] == [
        (index, pixels, colours) for index, _, pixels, colours, _ in everything
    ]
    assert everything[0][:2] == (0, 0.0)
    for workers in (1, 2, 8):
        for way in WAYS:
            some = read(path, workers, decode=way)
            assert some[0][:2] == (0, 0.0) or way == "keyframes"
            named = {one[0]: one for one in everything}
            if way == "fast":
                assert [one[:2] for one in some] == [one[:2] for one in everything]
            else:
                assert some == [named[one[0]] for one in some], (workers, way)
            assert len(some) == len(everything) or way not in ("all", "fast")
        for start in (1, len(everything) // 3, len(everything) - 2):
            assert read(path, workers, start) == everything[start:]


@pytest.mark.parametrize("kind", MAKERS)
def test_what_one_decoder_showed_is_found_again(video: Callable[[str], Path], kind: str) -> None:
    everything = read(video(kind))
    wanted = [one[0] for one in everything[::5]]
    source = FileSource("walk", str(video(kind)), ahead=ThreadedMap(2))
    assert [see(frame) for frame in source.fetch(wanted)] == everything[::5]
    list(source.frames())
    assert [see(frame) for frame in source.fetch(wanted)] == everything[::5]


@pytest.mark.parametrize("name", ["packed.avi", "packed.mp4"])
def test_packed_pictures_come_in_the_decoders_order(
    tmp_path: Path, ffmpeg: Path, name: str
) -> None:
    """An mp4 of them has timestamps, which name other pictures than come out."""
    path = tmp_path / name
    shown = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=2"]
    made = [*shown, "-c:v", "libxvid", "-q:v", "5", "-g", "10", "-bf", "2", str(path)]
    subprocess.run([str(ffmpeg), "-v", "error", *made], check=True)
    everything = read(path)
    assert [(one[2], one[3]) for one in everything] == by_pyav(path)
    steps = np.diff([one[1] for one in everything[1:-1]])
    assert steps == pytest.approx(np.full(len(steps), 0.04))
    for way in ("all", "reference", "keyframes", "adaptive"):
        assert read(path, 3, decode=way) == everything
    assert read(path, 2, 30) == everything[30:]


def test_a_recording_that_begins_in_mid_group_begins_where_ffmpeg_does(
    video: Callable[[str], Path], ffmpeg: Path
) -> None:
    command = [str(ffmpeg), "-v", "quiet", "-i", str(video("mid.ts")), "-fps_mode", "passthrough"]
    told = subprocess.run([*command, "-f", "framemd5", "-"], capture_output=True, check=True)
    frames = [line for line in told.stdout.splitlines() if not line.startswith(b"#")]
    assert len(read(video("mid.ts"))) == len(frames)
    assert 40 < len(frames) < 60  # something was cut off, and whole groups are left
    for way in ("keyframes", "adaptive"):
        assert read(video("mid.ts"), decode=way)[0] == read(video("mid.ts"))[0]
    assert len(read(video("mid.ts"), decode="keyframes")) < 6


def test_parameters_that_change_on_the_way_reach_what_comes_later(tmp_path: Path) -> None:
    other = {**X264, "x264-params": "cabac=0:ref=4:weightp=2"}
    parts = [
        write_video(tmp_path / f"{part}.ts", frames=24, gop=8, options=options)
        for part, options in enumerate((X264, other, X264))
    ]
    path = join(tmp_path / "joined.ts", parts)
    everything = read(path)
    assert [(one[2], one[3]) for one in everything] == by_pyav(path)
    for workers in (1, 2, 8):
        assert read(path, workers) == everything
        assert read(path, workers, 40) == everything[40:]


CODECS: dict[str, tuple[str, dict[str, str]]] = {
    "h264.mp4": ("libx264", X264),
    "hevc.mp4": ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none:pools=none"}),
    "vp8.webm": ("libvpx", {"deadline": "realtime", "auto-alt-ref": "0"}),
    "vp9.webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    "mpeg4.mp4": ("mpeg4", {"bf": "2"}),
}


def hurt(content: bytes, spots: list[tuple[int, int]], seed: int) -> bytes:
    """Flip bits in, overwrite part of, or blank the end of some packets."""
    chance = random.Random(seed)
    damaged = bytearray(content)
    for _ in range(chance.choice([1, 2, 4])):
        begins, size = chance.choice(spots)
        at = begins + chance.randrange(size)
        kind = chance.randrange(3)
        if kind == 0:
            damaged[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            length = min(begins + size - at, 24)
            damaged[at : at + length] = chance.randbytes(length)
        else:
            damaged[at : begins + size] = bytes(begins + size - at)
    return bytes(damaged)


@pytest.mark.parametrize("kind", CODECS)
def test_damage_looks_the_same_in_every_run(kind: str, tmp_path: Path) -> None:
    codec, options = CODECS[kind]
    whole = write_video(tmp_path / kind, codec, frames=30, gop=6, size=(96, 64), options=options)
    with av.open(str(whole)) as container:
        spots = [(p.pos, p.size) for p in container.demux(video=0) if p.size and p.pos is not None]
    content = whole.read_bytes()
    changed = 0
    for seed in range(20):
        path = tmp_path / f"{seed}-{kind}"
        path.write_bytes(hurt(content, spots, seed))
        once = read(path)
        changed += [one[2] for one in once] != [one[2] for one in read(whole)]
        for workers in (1, 2, 8):
            for _ in range(3):
                assert read(path, workers) == once, (seed, workers)
        assert read(path, 2, 13) == [one for one in once if one[0] >= 13], seed
        indices = [one[0] for one in once[::7]]
        source = FileSource("walk", str(path), ahead=ThreadedMap(2))
        list(source.frames())
        assert [see(frame) for frame in source.fetch(indices)] == once[::7], seed
    assert changed >= 8


class _Crowding:
    """Wraps a method; notes where two threads are in it at once with the same object."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        self._inside: set[int] = set()
        self.happened = False
        self.calls = 0

    def __get__(self, owner: Any, kind: type | None = None) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self.happened |= id(owner) in self._inside
            self._inside.add(id(owner))
            self.calls += 1
            time.sleep(0.001)  # lets others in, if anything does
            try:
                return self._method(owner, *given, **named)
            finally:
                self._inside.discard(id(owner))

        return call


@pytest.mark.parametrize("decode", WAYS)
def test_no_two_threads_use_one_decoder_at_once(
    decode: Decode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "vp8.webm", "libvpx", frames=90, gop=3, size=(96, 64))
    with av.open(str(path)) as container:
        keys = [p.pos for p in container.demux(video=0) if p.is_keyframe and p.pos is not None]
    content = bytearray(path.read_bytes())
    for at in keys[3::4]:  # keyframes that cannot be looked at are tried once more, later
        content[at : at + 12] = bytes(12)
    path.write_bytes(content)
    crowds = [_Crowding(VideoReader.decode), _Crowding(Copier.copy)]
    monkeypatch.setattr(VideoReader, "decode", crowds[0])
    monkeypatch.setattr(Copier, "copy", crowds[1])
    read(path, 2, decode=decode)
    assert all(crowd.calls > 5 for crowd in crowds)
    assert not any(crowd.happened for crowd in crowds)


@pytest.mark.parametrize("kind", ["h264.mp4", "mpeg4.mp4"])
def test_pictures_that_damage_has_touched_are_called_so(kind: str, tmp_path: Path) -> None:
    codec, options = CODECS[kind]
    whole = write_video(tmp_path / kind, codec, frames=30, gop=6, size=(96, 64), options=options)
    intact = {time: pixels for _, time, pixels, _, _ in read(whole)}
    with av.open(str(whole)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    hit = next(p for p in packets[8:] if not p.is_keyframe)
    assert hit.pos is not None
    content = bytearray(whole.read_bytes())
    content[hit.pos + 8 : hit.pos + hit.size] = b"\x5a" * (hit.size - 8)
    path = tmp_path / f"hurt-{kind}"
    path.write_bytes(content)
    seen = read(path)
    other = {one[0] for one in seen if one[2] != intact[one[1]]}
    called = {one[0] for one in seen if one[4]}
    assert other
    assert other <= called
    assert called <= set(range(6, 18))  # the groups beside it are whole
