"""What every source of a file run does, whatever it reads: numbered frames, found again exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path

import PIL.Image
import pytest

from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.interfaces.sources import Source
from streamsel.runtime.reader_processes import ReaderProcesses, RemoteSource
from streamsel.sources.file import FileSource
from streamsel.sources.images import ImageSource
from tests.contracts.implementations import implementations
from tests.runtime.far import Scripted
from tests.sources.media import image_of, moving_picture, write_video

FRAMES = 24


def file(folder: Path) -> Source:
    return FileSource("walk", str(folder / "walk.mp4"))


def images(folder: Path) -> Source:
    return ImageSource("walk", sorted(map(str, (folder / "walk").iterdir())))


def remote(folder: Path) -> Source:
    children = ReaderProcesses(1)
    return RemoteSource(file(folder), Scripted("walk", FRAMES), lambda seek_index: None, children)


SOURCES: dict[str, Callable[[Path], Source]] = {
    "FileSource": file,
    "ImageSource": images,
    "RemoteSource": remote,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same pictures as a video and as images."""
    place = tmp_path_factory.mktemp("source")
    options = {"preset": "veryfast", "bf": "2"}
    write_video(place / "walk.mp4", frames=FRAMES, gop=8, size=(96, 64), options=options)
    (place / "walk").mkdir()
    for index in range(FRAMES):
        picture = PIL.Image.fromarray(moving_picture(index, 96, 64))
        picture.save(place / "walk" / f"{index:03d}.png")
    return place


@pytest.fixture(params=SOURCES)
def make(request: pytest.FixtureRequest, folder: Path) -> Callable[[], Source]:
    return lambda: SOURCES[request.param](folder)


def facts(frame: Frame) -> tuple[object, ...]:
    return (
        *(frame.key, frame.pts, frame.time_base, frame.media_time, frame.width, frame.height),
        image_of(frame).to_ndarray(format="rgb24", threads=1).tobytes(),
    )


def all_of(source: Source) -> list[tuple[object, ...]]:
    return list(map(facts, source.frames()))


def test_every_source_is_here() -> None:
    assert implementations(Source) == SOURCES.keys()


def test_frames_are_numbered_and_their_times_never_step_back(make: Callable[[], Source]) -> None:
    source = make()
    frames = list(source.frames())
    assert [frame.key.index for frame in frames] == list(range(FRAMES))
    assert {frame.key.feed for frame in frames} == {source.feed} == {"walk"}
    assert all(a.media_time <= b.media_time for a, b in pairwise(frames))
    assert source.expected_frames in (None, FRAMES)
    assert source.warnings() == ()
    assert isinstance(source.fingerprint, str)
    assert make().fingerprint == source.fingerprint


@pytest.mark.parametrize("start", [0, 1, 13, FRAMES - 1, FRAMES])
def test_reading_goes_on_anywhere(make: Callable[[], Source], start: int) -> None:
    assert list(map(facts, make().frames(start))) == all_of(make())[start:]


@pytest.mark.parametrize("is_read", [True, False])
def test_frames_are_found_again_in_order(make: Callable[[], Source], is_read: bool) -> None:
    source, whole = make(), all_of(make())
    if is_read:
        list(source.frames())
    wanted = [FRAMES - 1, 0, 9, 10]
    assert list(map(facts, source.fetch(wanted))) == [whole[index] for index in sorted(wanted)]
    assert list(source.fetch([])) == []
    assert list(map(facts, source.fetch([5]))) == [whole[5]]


def test_a_reader_may_leave_early(make: Callable[[], Source]) -> None:
    source = make()
    frames = source.frames()
    assert [frame.key.index for frame in islice(frames, 3)] == [0, 1, 2]
    frames.close()
    assert len(all_of(source)) == FRAMES


def test_what_is_stopped_ends_for_good(make: Callable[[], Source]) -> None:
    source = make()
    frames = source.frames()
    next(frames)
    source.stop()
    assert len(read_or_refused(frames)) <= 1
    assert len(read_or_refused(source.frames())) <= 1


def read_or_refused(frames: Iterator[Frame]) -> list[Frame]:
    """What still comes; a stop may be an error for a reader that goes on."""
    read: list[Frame] = []
    try:
        read.extend(frames)
    except SourceError:
        return read
    return read
