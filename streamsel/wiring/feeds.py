"""Builds the feeds of a file selection, read in this process or in child processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streamsel.config.options import ReadOptions, RunOptions
from streamsel.frame import PrefilteredFrame, PrefilterState, View
from streamsel.interfaces.prefilter import Prefilter
from streamsel.interfaces.sources import Source
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.runtime.file_run import FileFeed
from streamsel.runtime.ordered_map import usable_cores
from streamsel.sources.file import FileSource
from streamsel.sources.inputs import Input
from streamsel.wiring.embeddings import open_thumbnailer
from streamsel.wiring.inputs import open_source

if TYPE_CHECKING:
    from streamsel.record.values import Feed
    from streamsel.runtime.reader_processes import ReaderProcesses


@dataclass(frozen=True, slots=True)
class _Planned:
    source: Source
    input: Input
    feed: Feed
    done: bool


class FeedReaders:
    """Builds the feeds of one run; prefilters continue where the record ends."""

    def __init__(self, folder: Path, options: RunOptions, view: View, *, on_gpu: bool) -> None:
        self._folder = folder
        self._options = options
        self._view = view
        self._on_gpu = on_gpu
        self._planned: list[_Planned] = []
        self._children: ReaderProcesses | None = None

    def add(self, source: Source, input: Input, feed: Feed, *, done: bool) -> None:
        """Add the next feed with its recorded state; ``done``: it was read to its end."""
        self._planned.append(_Planned(source, input, feed, done))

    def over(self, jobs: int) -> Sequence[FileFeed]:
        """Return the feeds; ``jobs`` of the unread ones are read in parallel."""
        left = sum(not planned.done for planned in self._planned)
        at_once = min(jobs, left)
        if at_once < 2:
            return [self._here(planned) for planned in self._planned]
        from streamsel.runtime.reader_processes import ReaderProcesses

        children = self._children = ReaderProcesses(at_once)
        threads = max(1, usable_cores() // at_once)
        return [
            self._here(planned) if planned.done else self._apart(planned, children, threads)
            for planned in self._planned
        ]

    def close(self) -> None:
        """End the child processes, if there are any."""
        if self._children is not None:
            self._children.close()

    def _here(self, planned: _Planned) -> FileFeed:
        def open_prefilter() -> Prefilter:
            return self._prefilter(planned.feed)

        return FileFeed(planned.source, open_prefilter, planned.feed.recorded, planned.done)

    def _apart(self, planned: _Planned, children: ReaderProcesses, threads: int) -> FileFeed:
        from streamsel.runtime.reader_processes import RemoteSource

        feed, source = planned.feed, planned.source
        request = FeedRequest(
            planned.input,
            self._options.read,
            self._options.prefilter,
            self._view,
            feed.recorded,
            *self._remembered(feed),
            threads,
        )
        adopt = source.adopt if isinstance(source, FileSource) else lambda seek_index: None
        far = RemoteSource(source, request, adopt, children)
        children.add(far)
        here = self._here(planned)
        return FileFeed(
            far, here.open_prefilter, feed.recorded, prefiltered_frames=far.prefiltered_frames
        )

    def _prefilter(self, feed: Feed) -> FramePrefilter:
        prefilter = FramePrefilter(
            open_thumbnailer(on_gpu=self._on_gpu), self._view, self._options.prefilter
        )
        prefilter.resume(*self._remembered(feed))
        return prefilter

    def _remembered(self, feed: Feed) -> tuple[PrefilterState, tuple[int, ...]]:
        """Return a prefilter's state after the recorded frames."""
        from streamsel.record.reader import Record

        if not feed.recorded:
            return PrefilterState(), ()
        with Record.open(self._folder) as record:
            state, digests = record.prefilter_state(feed.name, FramePrefilter.MEMORY)
        return state, tuple(digests)


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """Everything a process needs to read a feed from index ``start`` on; call it there.

    ``state`` and ``digests`` are the prefilter's memory of the frames before; ``threads`` is the
    number of decoder threads.
    """

    feed: Input
    read: ReadOptions
    prefilter: PrefilterOptions
    view: View
    start: int
    state: PrefilterState
    digests: tuple[int, ...]
    threads: int

    def __call__(self) -> FeedInChild:
        """Open the feed."""
        return FeedInChild(self)


class FeedInChild:
    """A feed that is read in this process, for another; a ``FeedReading``."""

    def __init__(self, request: FeedRequest) -> None:
        self._request = request
        self._source = open_source(request.feed, request.read, threads=request.threads)

    def prefiltered_frames(self) -> Iterator[PrefilteredFrame]:
        """Yield the prefiltered frames in stream order; raises :class:`SourceError`."""
        request = self._request
        prefilter = FramePrefilter(open_thumbnailer(on_gpu=False), request.view, request.prefilter)
        prefilter.resume(request.state, request.digests)
        with closing(self._source.frames(request.start)) as frames:
            for frame in frames:
                yield prefilter.check(frame)

    def warnings(self) -> Sequence[str]:
        """Return the problems that did not end the feed."""
        return self._source.warnings()

    def seek_index(self) -> object:
        """Return the seek index for another source of the same video; None for images."""
        return self._source.seek_index if isinstance(self._source, FileSource) else None
