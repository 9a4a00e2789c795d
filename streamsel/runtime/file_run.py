"""The pipeline for files: drops nothing, each stage waits for the next.

    reader thread: Source -> Prefilter -> inbox -> judge thread: Embeddings -> Selector -> mailboxes

Feeds are read one after another in the given order, so the stream of frames and every decision are
the same in each run. Memory is bounded by the inbox, the mailboxes and the picture budget, for
videos of any length.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from streamsel.decisions import FeedReport, SelectionUpdate, Verdict
from streamsel.errors import SourceError
from streamsel.frame import Frame, FrameKey, PrefilteredFrame
from streamsel.interfaces.embedding import Embeddings
from streamsel.interfaces.observers import Observer
from streamsel.interfaces.prefilter import Prefilter
from streamsel.interfaces.selectors import Selector
from streamsel.interfaces.sinks import FetchesMissing, FollowsRun, Sink
from streamsel.interfaces.sources import Source
from streamsel.runtime.bounded_queue import Inbox
from streamsel.runtime.failure import first_failure
from streamsel.runtime.picture_budget import PictureBudget
from streamsel.runtime.worker import Worker

_WAITING_SIGHTINGS = 64
_SIGHTINGS_AT_ONCE = 8
_WAITING_PICTURES = 4
_SCOPE = ""


@dataclass(frozen=True, slots=True)
class FileFeed:
    """A feed, and the factory of its prefilter.

    ``start`` frames were judged before; ``done`` means all were. ``prefiltered_frames``, if given,
    reads and prefilters the feed elsewhere.
    """

    source: Source
    open_prefilter: Callable[[], Prefilter]
    start: int = 0
    done: bool = False
    prefiltered_frames: Callable[[], Generator[PrefilteredFrame, None, None]] | None = None

    def look(self) -> Generator[PrefilteredFrame, None, None]:
        """Read the feed and yield its prefiltered frames."""
        if self.prefiltered_frames is not None:
            yield from self.prefiltered_frames()
            return
        prefilter = self.open_prefilter()
        with closing(self.source.frames(self.start)) as frames:
            for frame in frames:
                yield prefilter.check(frame)


class Pipeline:
    """One run of the pipeline over files.

    ``batch`` is the maximum number of frames embedded at once; it changes speed, never a decision.
    ``close`` is called when the run has ended for any reason.
    """

    def __init__(
        self,
        feeds: Sequence[FileFeed],
        embeddings: Embeddings,
        selector: Selector,
        sinks: Sequence[Sink],
        *,
        observers: Sequence[Observer] = (),
        budget: PictureBudget | None = None,
        batch: int = 32,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._close = close
        self._lanes = feeds
        self._embeddings = embeddings
        self._selector = selector
        self._sinks = sinks
        self._observers = observers
        self._budget = budget or PictureBudget()
        self._batch = batch
        self._reports: dict[str, FeedReport] = {}
        self._end_reading: Callable[[], None] = lambda: None
        self._stopping = False

    @property
    def reports(self) -> Sequence[FeedReport]:
        """The reports of the feeds that have ended, in their order."""
        return tuple(self._reports.values())

    def stop(self) -> None:
        """End the run early: decisions are stored, the rest is left for a resumed run."""
        self._stopping = True
        self._end_reading()

    async def run(self) -> bool:
        """Read every feed to its end. Returns False if the run was stopped before.

        A feed that cannot be read is reported, and the others continue. Raises the first other
        :class:`StreamselError` of a stage; sinks then hold a prefix of the stream and must still be
        closed.
        """
        complete = False
        try:
            async with AsyncExitStack() as stack:
                reader = await stack.enter_async_context(Worker("streamsel-reader"))
                judge = await stack.enter_async_context(Worker("streamsel-judge"))
                mailboxes = [
                    Mailbox(sink, await stack.enter_async_context(Worker("streamsel-sink")))
                    for sink in self._sinks
                ]
                async with asyncio.TaskGroup() as tasks:
                    writers = [
                        tasks.create_task(mailbox.deliver(), name="sink") for mailbox in mailboxes
                    ]
                    complete = await self._run_lanes(reader, judge, mailboxes)
                    for writer in writers:
                        writer.cancel()
        except BaseExceptionGroup as group:
            raise first_failure(group) from None
        finally:
            self._close()
        return complete

    async def _run_lanes(self, reader: Worker, judge: Worker, mailboxes: Sequence[Mailbox]) -> bool:
        for file_feed in self._lanes:
            if not file_feed.done and not self._stopping:
                await self._read_lane(file_feed, reader, judge, mailboxes)
        if not self._stopping:
            await self._pass_on(await judge.run(self._selector.finish), mailboxes)
            await self._warn(mailboxes)
        for mailbox in mailboxes:
            await mailbox.join()
            if not self._stopping:
                await self._supply(reader, mailbox)
        complete = not self._stopping
        for mailbox in mailboxes:
            await mailbox.close(complete=complete)
        return complete

    async def _read_lane(
        self, file_feed: FileFeed, reader: Worker, judge: Worker, mailboxes: Sequence[Mailbox]
    ) -> None:
        inbox: Inbox[PrefilteredFrame] = Inbox(_WAITING_SIGHTINGS, wake_at=_SIGHTINGS_AT_ONCE)
        batcher = Batcher(self._batch)
        feed, frames, error = file_feed.source.feed, file_feed.start, None
        expected = await reader.run(lambda: file_feed.source.expected_frames)
        for observer in self._observers:
            observer.feed_opened(feed, expected, file_feed.start)
        async with asyncio.TaskGroup() as tasks, self._reading(file_feed.source, inbox):
            tasks.create_task(reader.run(self._read, file_feed, inbox), name=f"read {feed}")
            try:
                while prefiltered_frames := await inbox.take(_WAITING_SIGHTINGS):
                    frames = prefiltered_frames[-1].frame.key.index + 1
                    for observer in self._observers:
                        observer.seen(prefiltered_frames)
                    for batch in batcher.add(prefiltered_frames):
                        await self._pass_on(await judge.run(self._judge, batch), mailboxes)
            except SourceError as failure:
                error = str(failure)
        if self._stopping:
            return
        await self._pass_on(await judge.run(self._judge, batcher.rest()), mailboxes)
        report = FeedReport(feed, frames, error, tuple(file_feed.source.warnings()))
        await self._report(report, mailboxes)

    async def _report(self, report: FeedReport, mailboxes: Sequence[Mailbox]) -> None:
        self._reports[report.feed] = report
        for observer in self._observers:
            observer.feed_ended(report)
        for mailbox in mailboxes:
            await mailbox.report(report)

    async def _warn(self, mailboxes: Sequence[Mailbox]) -> None:
        """Add the warnings of the selector to the reports of the feeds read in this run."""
        for feed, warning in self._selector.warnings.items():
            if (was := self._reports.get(feed)) is not None:
                report = self._reports[feed] = replace(was, warnings=(*was.warnings, warning))
                for mailbox in mailboxes:
                    await mailbox.report(report)

    @asynccontextmanager
    async def _reading(self, source: Source, inbox: Inbox[Any]) -> AsyncIterator[None]:
        """Let :meth:`stop` end the current reading, and release its reader in any case."""

        def end() -> None:
            source.stop()
            inbox.close()

        self._end_reading = end
        if self._stopping:
            end()
        try:
            yield
        finally:
            inbox.close()
            self._end_reading = lambda: None

    def _read(self, file_feed: FileFeed, inbox: Inbox[PrefilteredFrame]) -> None:
        with closing(file_feed.look()) as prefiltered_frames:
            inbox.fill(map(self._held, prefiltered_frames))

    def _held(self, prefiltered: PrefilteredFrame) -> PrefilteredFrame:
        """Keep a picture within the budget, if it may be stored."""
        picture = prefiltered.frame.picture
        if prefiltered.refusal is None and not picture.is_provisional:
            self._budget.hold(picture)
        else:
            picture.drop()
        return prefiltered

    def _judge(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> list[Verdict]:
        return self._selector.judge(self._embeddings.candidates(prefiltered_frames))

    async def _pass_on(self, verdicts: Sequence[Verdict], mailboxes: Sequence[Mailbox]) -> None:
        if not verdicts:
            return
        for observer in self._observers:
            observer.judged(verdicts)
        update = SelectionUpdate(_SCOPE, tuple(verdicts))
        for mailbox in mailboxes:
            await mailbox.apply(update)

    async def _supply(self, reader: Worker, mailbox: Mailbox) -> None:
        """Decode kept frames again that were dropped on the way, one feed at a time."""
        wanted: defaultdict[str, list[int]] = defaultdict(list)
        for key in mailbox.missing():
            wanted[key.feed].append(key.index)
        for file_feed in self._lanes:
            feed = file_feed.source.feed
            if not (indices := wanted.get(feed)) or self._stopping:
                continue
            inbox: Inbox[Frame] = Inbox(_WAITING_PICTURES)
            async with asyncio.TaskGroup() as tasks, self._reading(file_feed.source, inbox):
                tasks.create_task(
                    reader.run(_fetch, file_feed.source, indices, inbox), name=f"fetch {feed}"
                )
                try:
                    while frames := await inbox.take(_WAITING_PICTURES):
                        for frame in frames:
                            await mailbox.supply(frame)
                except SourceError as failure:
                    was = self._reports.get(feed) or FeedReport(feed, file_feed.start, None, ())
                    await self._report(replace(was, error=str(failure)), [mailbox])
            await mailbox.join()


def _fetch(source: Source, indices: Sequence[int], inbox: Inbox[Frame]) -> None:
    inbox.fill(source.fetch(indices))


_MOST_WAITING = 256


class Batcher:
    """Collects prefiltered frames in stream order until ``size`` of them need embedding.

    Refused frames keep their places; after 256 frames a batch is passed on anyway, so that a static
    feed is bounded too.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: list[PrefilteredFrame] = []
        self._passing = 0

    def add(
        self, prefiltered_frames: Sequence[PrefilteredFrame]
    ) -> Iterator[list[PrefilteredFrame]]:
        """Add the next prefiltered frames; yield every batch that is complete."""
        for prefiltered in prefiltered_frames:
            self._waiting.append(prefiltered)
            self._passing += prefiltered.refusal is None
            if self._passing == self._size or len(self._waiting) == _MOST_WAITING:
                yield self.rest()

    def rest(self) -> list[PrefilteredFrame]:
        """Return the waiting frames as a last, possibly smaller batch."""
        waiting, self._waiting, self._passing = self._waiting, [], 0
        return waiting


_WAITING_CALLS = 8


class Mailbox:
    """Delivers calls to one sink in order, in the sink's thread.

    Queueing waits while too many calls are queued: nothing is lost and memory is bounded. What the
    sink has no capability for is not delivered. ``deliver`` is the writer task; it runs until
    cancelled, and raises a failure of the sink.
    """

    def __init__(self, sink: Sink, worker: Worker) -> None:
        self._sink = sink
        self._follower = sink if isinstance(sink, FollowsRun) else None
        self._store = sink if isinstance(sink, FetchesMissing) else None
        self._worker = worker
        self._calls: asyncio.Queue[Callable[[], None]] = asyncio.Queue(_WAITING_CALLS)

    async def apply(self, update: SelectionUpdate) -> None:
        """Queue an update."""
        await self._calls.put(partial(self._sink.apply, update))

    async def report(self, report: FeedReport) -> None:
        """Queue the report of a feed that has ended."""
        if self._follower is not None:
            await self._calls.put(partial(self._follower.feed_ended, report))

    async def close(self, *, complete: bool) -> None:
        """Close the sink after all queued calls; ``complete``: the run was not interrupted."""
        if self._follower is not None and complete:
            await self._calls.put(self._follower.run_ended)
        await self._calls.put(self._sink.close)
        await self.join()

    def missing(self) -> Sequence[FrameKey]:
        """Return the frames that the sink has no picture of. Call it when no call is queued."""
        return () if self._store is None else self._store.missing()

    async def supply(self, frame: Frame) -> None:
        """Queue the picture of a frame returned by :meth:`missing`."""
        if self._store is not None:
            await self._calls.put(partial(self._store.supply, frame))

    async def join(self) -> None:
        """Wait until every call posted before has been executed."""
        await self._calls.join()

    async def deliver(self) -> None:
        """Execute queued calls, for ever."""
        while True:
            call = await self._calls.get()
            await self._worker.run(call)
            self._calls.task_done()
