"""How many feeds are read at once, and where: here, or each in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from streamsel.config.options import RunOptions
from streamsel.frame import View
from streamsel.record.values import Feed
from streamsel.runtime.file_run import FileFeed
from streamsel.runtime.reader_processes import RemoteSource
from streamsel.sources.file import FileSource
from streamsel.sources.inputs import Input
from streamsel.wiring import feeds as feeds_module
from streamsel.wiring.feeds import FeedReaders, FeedRequest


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
