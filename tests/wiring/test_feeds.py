"""How many feeds are read at once, where, and that a process of its own sees what this one does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from streamsel.config.options import RunOptions
from streamsel.frame import PrefilterState, View
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.record.values import Feed
from streamsel.runtime.file_run import FileFeed
from streamsel.runtime.reader_processes import RemoteSource
from streamsel.sources.file import FileSource
from streamsel.sources.images import ImageSource
from streamsel.sources.inputs import Input
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from streamsel.wiring import feeds as feeds_module
from streamsel.wiring.feeds import FeedReaders, FeedRequest
from tests.sources.media import moving_picture


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds_module, "usable_cores", lambda: 8)


def over(folder: Path, jobs: int, done: Sequence[bool]) -> Sequence[FileFeed]:
    """The feeds of a run over files, of which these are done; nothing is read yet."""
    readers = FeedReaders(folder, RunOptions(), View(16), on_gpu=False)
    for place, is_done in enumerate(done):
        name, path = f"feed{place}", f"{place}.mp4"
        frames = 5 if is_done else None
        readers.add(
            FileSource(name, path),
            Input(name, path, path),
            Feed(name, path, 5 if is_done else 0, frames, None, ()),
            done=is_done,
        )
    try:
        return readers.over(jobs)
    finally:
        readers.close()


@pytest.fixture
def loop(tmp_path: Path) -> Input:
    """A feed of six images, three of them twice; one cannot be read."""
    paths = [tmp_path / f"{place}.png" for place in range(6)]
    for place, path in enumerate(paths):
        Image.fromarray(moving_picture(place % 3 * 20, 64, 48)).save(path)
    paths[4].write_bytes(b"no image")
    return Input("loop", str(tmp_path), str(tmp_path), tuple(map(str, paths)))


@pytest.mark.parametrize("start", [0, 2, 3, 5])
def test_a_process_of_its_own_goes_on_as_if_it_had_seen_what_was_before(
    loop: Input, start: int
) -> None:
    options = RunOptions()
    prefilter = FramePrefilter(CpuThumbnailer(), View(16), options.prefilter)
    here = list(map(prefilter.check, ImageSource(loop.feed, loop.images or ()).frames()))
    assert [seen.refusal for seen in here] == [None] * 3 + ["exact-duplicate"] * 2
    before = [seen for seen in here if seen.frame.key.index < start]
    state = before[-1].state if before else PrefilterState()
    digests = tuple(seen.digest for seen in before if seen.refusal is None)
    request = FeedRequest(
        loop, options.read, options.prefilter, View(16), start, state, digests, threads=1
    )
    reading = request()
    there = list(reading.prefiltered_frames())
    assert [(seen.frame.key, seen.refusal, seen.digest) for seen in there] == [
        (seen.frame.key, seen.refusal, seen.digest) for seen in here[len(before) :]
    ]
    assert ["4.png" in warning for warning in reading.warnings()] == [True] * (start < 5)
    assert reading.seek_index() is None


def is_apart(feed: FileFeed) -> bool:
    assert isinstance(feed.source, RemoteSource) == (feed.prefiltered_frames is not None)
    return isinstance(feed.source, RemoteSource)


@pytest.mark.parametrize(
    ("jobs", "done"), [(1, [False] * 3), (4, [False]), (4, [True, False, True]), (4, [True] * 3)]
)
def test_what_is_read_one_by_one_is_read_here(tmp_path: Path, jobs: int, done: list[bool]) -> None:
    feeds = over(tmp_path, jobs, done)
    assert not any(map(is_apart, feeds))
    assert [feed.done for feed in feeds] == done
    assert [feed.start for feed in feeds] == [5 if each else 0 for each in done]


@pytest.mark.parametrize(("jobs", "threads"), [(2, 4), (3, 2), (20, 2)])
def test_those_read_at_once_share_the_cores(tmp_path: Path, jobs: int, threads: int) -> None:
    feeds = over(tmp_path, jobs, [False, True, False, False])
    assert [is_apart(feed) for feed in feeds] == [True, False, True, True]
    asked = [feed.source.open_reading for feed in feeds if isinstance(feed.source, RemoteSource)]
    assert [one.threads for one in asked if isinstance(one, FeedRequest)] == [threads] * 3
