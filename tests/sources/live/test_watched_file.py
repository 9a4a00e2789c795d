"""Files that are watched: how they are addressed, and that they are read as files are."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamsel.clock import SystemClock
from streamsel.decisions import Rhythm, SourceCounters
from streamsel.errors import ConfigurationError, SourceError
from streamsel.frame import Frame
from streamsel.sources.file import FileSource
from streamsel.sources.live.watched_address import FileAddress, is_file_address, read_file_address
from streamsel.sources.live.watched_file import WatchedFile
from tests.servers.clips import camera_clip


@pytest.mark.parametrize(
    ("source", "path", "pace"),
    [
        ("file:clip.mp4", "/home/clip.mp4", 1.0),
        ("file:clip.mp4?pace=1", "/home/clip.mp4", 1.0),
        ("FILE:/a/b c.mp4?pace=2.5", "/a/b c.mp4", 2.5),
        ("file:clip.mp4?pace=0", "/home/clip.mp4", math.inf),
        ("file:///a/clip.mp4?pace=.5", "/a/clip.mp4", 0.5),
        ("file:what?/clip.mp4", "/home/what?/clip.mp4", 1.0),
        ("file:100%.mp4", "/home/100%.mp4", 1.0),
    ],
)
def test_an_address_says_which_file_and_how_fast(source: str, path: str, pace: float) -> None:
    address = read_file_address(source, Path("/home"))
    assert address == FileAddress(Path(path), pace)
    assert is_file_address(source)
    assert read_file_address(str(address), Path("/elsewhere")) == address


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("file:", "file:PATH"),
        ("file:clip.mp4?speed=1", "pace"),
        ("file:clip.mp4?pace=1&pace=2", "pace"),
        ("file:clip.mp4?pace=fast", "multiple of the recorded speed"),
        ("file:clip.mp4?pace=-1", "multiple of the recorded speed"),
        ("file:clip.mp4?pace=nan", "multiple of the recorded speed"),
        ("file:clip.mp4?pace=1001", "multiple of the recorded speed"),
    ],
)
def test_an_address_that_says_something_else_is_refused(source: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read_file_address(source)


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "main.mp4"
    return camera_clip(ffmpeg, path, seconds=2, size=(320, 180))


def watched(path: Path, pace: float = math.inf) -> WatchedFile:
    return WatchedFile(
        "clip",
        FileAddress(path, pace),
        SystemClock(),
        fps=None,
        filters=None,
        decode="all",
        mask=(),
    )


def test_its_frames_are_those_of_the_file_numbered_on(clip: Path) -> None:
    source = watched(clip, 2.0)
    frames = list(source.session(100, 7.0))
    read = list(FileSource("clip", str(clip)).frames())
    assert [frame.key.index for frame in frames] == [100 + frame.key.index for frame in read]
    times = [frame.media_time for frame in frames]
    assert times == [7.0 + frame.media_time for frame in read]
    assert all(frame.wall_time is not None and frame.received is not None for frame in frames)
    assert source.tally() == SourceCounters(len(read), len(read), 0)
    assert source.rhythm == Rhythm(speed=2.0, is_finite=True)
    assert source.address == f"file:{clip}?pace=2"


def test_a_file_that_cannot_be_opened_says_why(clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.ts"
    content = clip.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match="feed 'clip'"):
        next(watched(broken).session(0, 0.0))
    with pytest.raises(SourceError, match="cannot be opened"):
        next(watched(tmp_path / "none.mp4").session(0, 0.0))


def test_a_file_that_cannot_be_read_on_ends_there(
    clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "streamsel.feeds")
    whole = list(FileSource("clip", str(clip)).frames())

    def failing(self: FileSource) -> Iterator[Frame]:
        yield from whole[:5]
        raise SourceError("feed 'clip': its disk was lost")

    monkeypatch.setattr(FileSource, "frames", failing)
    assert len(list(watched(clip).session(0, 0.0))) == 5
    assert "its disk was lost; the feed ends there" in caplog.text


def test_it_stops_when_told_to(clip: Path) -> None:
    source = watched(clip)
    session = source.session(0, 0.0)
    next(session)
    source.stop()
    assert list(session) == []
