"""Every broken file gives frames, or one clear line; nothing crashes, hangs or stays open."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from streamsel.errors import SourceError, UnreadableError
from streamsel.sources.container.opening import open_container
from streamsel.sources.file import FileSource
from streamsel.sources.images import ImageSource
from streamsel.sources.inputs import expand
from tests.corpus import broken_files

STILL_READ = {
    "base_flipped100.mp4": 40,
    "base_cut50.mkv": 15,
    "base_cut50.ts": 15,
    "base_cut50.webm": 15,
    "base_cut50.avi": 15,
    "faststart_cut50.mp4": 10,
    "fragmented_cut50.mp4": 10,
    "base_wiped.ts": 20,
    "lies_about_size.mp4": 50,
    "clock_jumps.ts": 100,
    "clock_wraps.ts": 50,
    "size_changes.ts": 125,
    "wrong_suffix.avi": 50,
    "video_without_suffix": 50,
}
NEVER_READ = {
    "playlist_of_host.mp4",
    "playlist_of_host.m3u8",
    "playlist_of_file.mp4",
    "playlist_of_file.m3u8",
    "playlist_beside.mp4",
    "playlist_beside.m3u8",
    "concat_absolute.mp4",
    "concat_beside.mp4",
    "session.mp4",
    "session.sdp",
    "text.mp4",
    "page.mp4",
    "random.mp4",
    "zeros.mp4",
    "empty.mp4",
    "sound.m4a",
    "bomb.png",
    "base_cut50.mp4",
    "cut.jpg",
    "noise.png",
    "video_named.jpg",
}
CUT_OFF = [
    "base_cut50.mkv",
    "base_cut50.webm",
    "base_cut50.avi",
    "faststart_cut50.mp4",
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return broken_files(tmp_path_factory.mktemp("corpus"))


def read(path: Path) -> tuple[int, SourceError | None, tuple[str, ...]]:
    """Frames, error and warnings of a file, by the way the command line would take."""
    (found,) = expand([str(path)]).inputs
    source = (
        FileSource(found.feed, found.location)
        if found.images is None
        else ImageSource(found.feed, found.images)
    )
    frames, last, error = 0, 0.0, None
    try:
        for frame in source.frames():
            assert frame.media_time >= last
            assert frame.picture.image is not None
            last = frame.media_time
            frames += 1
    except SourceError as caught:
        error = caught
    return frames, error, tuple(source.warnings())


def test_the_corpus_is_large(corpus: dict[str, Path]) -> None:
    assert len(corpus) >= 80
    assert set(STILL_READ) | NEVER_READ <= set(corpus)


@pytest.mark.usefixtures("no_open_files_left")
def test_each_file_gives_frames_or_one_clear_line(corpus: dict[str, Path]) -> None:
    outcomes = {}
    for name, path in corpus.items():
        if path.is_dir():
            continue
        frames, error, warnings = read(path)
        outcomes[name] = frames
        for message in [*warnings, *([str(error)] if error else [])]:
            assert message.startswith("feed '"), message
            assert "\n" not in message
            assert "Errno" not in message
        assert error is not None or frames > 0, name
        assert (name in NEVER_READ) <= isinstance(error, UnreadableError), name
    too_few = {name: outcomes[name] for name, least in STILL_READ.items() if outcomes[name] < least}
    assert not too_few


def test_a_file_that_was_cut_off_says_so(corpus: dict[str, Path]) -> None:
    silent = [name for name in CUT_OFF if "truncated" not in " ".join(read(corpus[name])[2])]
    assert not silent


def test_damaged_packets_are_counted_and_the_rest_is_read(corpus: dict[str, Path]) -> None:
    frames, error, warnings = read(corpus["fragmented_cut50.mp4"])
    assert frames > 0
    assert error is None
    assert any("damaged packet" in warning for warning in warnings)


def test_damaged_pictures_are_flagged(corpus: dict[str, Path]) -> None:
    frames = list(FileSource("x", str(corpus["base_flipped1000.avi"])).frames())
    assert any(frame.corrupt for frame in frames)


def test_media_time_bridges_a_clock_that_jumps(corpus: dict[str, Path]) -> None:
    source = FileSource("x", str(corpus["clock_jumps.ts"]))
    times = [frame.media_time for frame in source.frames()]
    assert times == pytest.approx([i / 25 for i in range(100)])
    assert "1 jump" in source.warnings()[0]


def test_size_changes_in_mid_stream(corpus: dict[str, Path]) -> None:
    frames = list(FileSource("x", str(corpus["size_changes.ts"])).frames())
    sizes = [(frame.width, frame.height) for frame in frames]
    assert sizes == [(160, 120)] * 50 + [(96, 64)] * 25 + [(160, 120)] * 50
    scaled = FileSource("x", str(corpus["size_changes.ts"]), filters="crop=32:32")
    assert {(f.width, f.height) for f in scaled.frames()} == {(32, 32)}


def test_bombs_are_refused_before_their_memory_is_asked_for(corpus: dict[str, Path]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("bomb.png", "bomb.mp4"):
        read(corpus[name])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_folder_named_like_a_video_is_a_folder(corpus: dict[str, Path]) -> None:
    found = expand([str(corpus["folder.mp4"])])
    assert "contains no video" in str(found.errors[0])
    with pytest.raises(SourceError, match="not a regular file"):
        list(FileSource("x", str(corpus["folder.mp4"])).frames())


class Stumbling:
    """A container that cannot be read on after every fifth packet, and then can."""

    def __init__(self, container: Any) -> None:
        self.container = container
        self.packets: Any = None
        self.stumbles = 0

    def demux(self, stream: Any) -> Iterator[Any]:
        self.packets = self.packets or self.container.demux(stream)
        for read, packet in enumerate(self.packets):
            yield packet
            if read == 4:
                self.stumbles += 1
                raise av.error.InvalidDataError(0, "unreadable")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.container, name)


def test_any_number_of_unreadable_spots_is_stepped_over(
    corpus: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def open_stumbling(*given: Any) -> Any:
        made.append(Stumbling(open_container(*given)))
        return made[-1]

    whole = [f.key.index for f in FileSource("x", str(corpus["base.mkv"])).frames()]
    monkeypatch.setattr("streamsel.sources.decode.video_reader.open_container", open_stumbling)
    source = FileSource("x", str(corpus["base.mkv"]))
    assert [frame.key.index for frame in source.frames()] == whole
    assert made[0].stumbles > 3
    assert any("damaged packet" in warning for warning in source.warnings())


def test_an_empty_file_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "gate.mp4").touch()
    with pytest.raises(UnreadableError, match="is empty: it has 0 bytes"):
        list(FileSource("gate", str(tmp_path / "gate.mp4")).frames())
