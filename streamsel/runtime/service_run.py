"""The pipeline for live feeds: never waits, drops late frames, retries for ever.

    a thread per feed: LiveSource -> Prefilter -> its queue
    judge thread: Embedder (a batch over all feeds) -> LiveSelector of each scope -> SelectionUpdate
    encode thread: the pictures of kept frames -> a delivery, with a thread, for each Sink

A hanging camera or sink blocks only its own thread. Only a defect or a failing embedder ends it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from typing import ParamSpec, TypeVar, cast

from streamsel.backoff import Backoff
from streamsel.clock import Clock
from streamsel.decisions import DropReason, Event, Evicted, FeedStatus, SelectionUpdate
from streamsel.errors import ConfigurationError, SinkError
from streamsel.frame import EncodedPicture, Frame, FrameKey, Picture
from streamsel.interfaces.embedding import Embeddings
from streamsel.interfaces.observers import LiveObserver
from streamsel.interfaces.selectors import LiveSelector
from streamsel.interfaces.sinks import Sink
from streamsel.runtime.delivery import Delivery
from streamsel.runtime.drop_log import DropLog
from streamsel.runtime.failure import first_failure
from streamsel.runtime.feed_reader import LiveFeed
from streamsel.runtime.judge import Judge
from streamsel.runtime.latest_frames import LatestFrames
from streamsel.runtime.limits import LiveLimits
from streamsel.runtime.picture_budget import PictureBudget
from streamsel.runtime.reservations import Reservations
from streamsel.runtime.scopes import Scopes
from streamsel.runtime.supervisor import FeedSupervisor
from streamsel.runtime.updates import all_encoded
from streamsel.runtime.worker import Worker
from streamsel.wakeup import await_ended

_LOG = logging.getLogger("streamsel.service")
_LOOK_SECONDS = 0.25
_TALLY_TURNS = 4
_WAIT_SECONDS = 0.02
_STORED_SECONDS = 5.0
# Hundreds of feeds opened at the same moment would time out waiting for each other.
_BETWEEN_SECONDS = 0.02
_MOST_THINNED = 256

P = ParamSpec("P")
T = TypeVar("T")


class LivePipeline:
    """The pipeline of a service. Create it inside the running event loop, then :meth:`run` it.

    The first of ``sinks``, at least one, keeps the record. ``encode`` encodes a picture, in several
    threads at once. ``reserve`` records durably that all numbers of a feed below a limit may be
    used; it is called in the thread of the first sink. Feeds may be added and removed at any time,
    also before it runs. Raises :class:`ConfigurationError` without a sink.
    """

    def __init__(
        self,
        embeddings: Embeddings,
        sinks: Sequence[Sink],
        encode: Callable[[Picture], EncodedPicture],
        reserve: Callable[[str, int], None],
        clock: Clock,
        *,
        observers: Sequence[LiveObserver] = (),
        limits: LiveLimits | None = None,
    ) -> None:
        if not sinks:
            raise ConfigurationError("a service without a sink would keep nothing: add one")
        self._limits = limits = limits or LiveLimits()
        self._encode = encode
        self._clock = clock
        self._observers = observers = [*observers, DropLog(clock)]
        self._latest = LatestFrames(
            limits.feed_queue, lambda: any(each.is_behind for each in self._deliveries)
        )
        self._budget = PictureBudget(limits.picture_bytes, encode)
        backoff = Backoff(
            first=limits.retry_first, most=limits.retry_most, refused=limits.retry_refused
        )
        self._supervisor = FeedSupervisor(self._budget.hold, self._latest, clock, backoff)
        self._judge = Judge(embeddings, observers, clock)
        self._judging = Worker("streamsel-judge")
        self._encoding = Worker("streamsel-encode")
        self._deliveries = [
            Delivery(
                sink,
                observers,
                clock,
                most_waiting=limits.most_waiting,
                most_bytes=limits.most_waiting_bytes,
                is_record=place == 0,
            )
            for place, sink in enumerate(sinks)
        ]
        self._scopes = Scopes(self._judge, self._judging)
        self._thinned = [0] * len(self._deliveries)
        self._ordered = asyncio.Lock()
        self._arranging = asyncio.Lock()
        self._reservations = Reservations(
            self._supervisor, self._deliveries[0], reserve, limits.reserve, observers
        )
        self._stopping = asyncio.Event()
        self._ending_since = math.inf
        self._left_behind = False

    @property
    def left_behind(self) -> bool:
        """Whether a thread hangs after the run, so that the process must be ended by force."""
        return self._left_behind

    @property
    def failing_sinks(self) -> dict[str, str]:
        """The sinks that currently fail, and why."""
        return {each.sink.name: each.reason for each in self._deliveries if each.is_failing}

    @property
    def scopes(self) -> dict[str, frozenset[str]]:
        """The feeds of each scope, by scope name."""
        return self._scopes.feeds

    @property
    def sizes(self) -> Mapping[str, int]:
        """The number of representatives of each scope, up to a second old."""
        return self._judge.sizes

    def statuses(self) -> list[FeedStatus]:
        """The current status of every feed."""
        return self._supervisor.statuses()

    async def check_alive(self) -> None:
        """Return once the judge has responded; at once if it has finished."""
        if not self._judging.is_dismissed:
            await self._judging.run(lambda: None)

    def stop(self) -> None:
        """Let :meth:`run` end. Called on the loop."""
        self._stopping.set()

    async def add_feed(self, feed: LiveFeed, make_selector: Callable[[], LiveSelector]) -> None:
        """Start to read a feed; see :meth:`add_feeds`."""
        await self.add_feeds([(feed, make_selector)])

    async def add_feeds(self, feeds: Sequence[tuple[LiveFeed, Callable[[], LiveSelector]]]) -> None:
        """Start to read feeds, each with a selector factory in case its scope is new.

        Raises :class:`ConfigurationError` for a name in use, and what the factory raises.
        """
        async with self._arranging:
            for feed, _ in feeds:
                if feed.name in self._supervisor:
                    raise ConfigurationError(
                        f"feed {feed.name!r}: there is one of that name already"
                    )
            await self._scopes.join(feeds)
            waiting = deque(feed for feed, _ in feeds)
            try:
                while waiting:
                    self._latest.open(waiting[0].name)
                    self._supervisor.add(waiting[0])
                    waiting.popleft()
                    await asyncio.sleep(_BETWEEN_SECONDS)
            finally:
                for feed in waiting:
                    await self._leave_scope(feed)
            self._reservations.look()

    async def remove_feed(self, feed: str) -> LiveFeed:
        """Stop reading a feed. Its kept frames stay kept; its scope ends with its last feed.

        Returns the feed with its current frame number, time and reservation: added again, it
        continues. Raises :class:`ConfigurationError` for an unknown feed.
        """
        async with self._arranging:
            removed = self._supervisor.remove(feed)
            gone = {feed, *await self._leave_scope(removed)}
        for observer in self._observers:
            for name in sorted(gone):
                observer.feed_removed(name)
        return removed

    async def _leave_scope(self, feed: LiveFeed) -> Sequence[str]:
        """Stop judging a feed; return the name of its scope if that has ended."""
        self._latest.shut(feed.name)
        if not await self._scopes.leave(feed):
            return ()
        await self._decide(self._judge.close_scope, feed.scope)
        return (feed.scope,)

    def set_enabled(self, feed: str, enabled: bool) -> None:
        """Enable or disable a feed. Raises :class:`ConfigurationError` for an unknown feed."""
        self._supervisor.set_enabled(feed, enabled)

    async def change(
        self, scope: str, call: Callable[[LiveSelector], Sequence[Event]]
    ) -> SelectionUpdate:
        """Change the kept frames of a scope with ``call``; raises what that raises."""
        self._scopes.require(scope)
        return (await self._decide(self._judge.change, scope, call))[0]

    async def evict(self, scope: str, frames: Sequence[Frame], reason: str) -> None:
        """Evict frames of a removed scope and delete its state; update the sinks."""
        changes = tuple(Evicted(frame, None, None, reason) for frame in frames)
        told = SelectionUpdate(scope, (), changes, b"", frozenset())
        await self._decide(lambda: [told])

    async def ask(self, scope: str, call: Callable[[LiveSelector], T]) -> T:
        """Query the selector of a scope with ``call``, in the judge's thread."""
        self._scopes.require(scope)
        return cast(T, await self._judging.run(self._judge.ask, scope, call))

    async def run_in_first_sink(self, call: Callable[[], T]) -> T:
        """Run a call in the thread of the first sink, after storing all earlier decisions.

        Raises :class:`SinkError` if nothing is stored for 5 s, and what the call raises.
        """
        first = self._deliveries[0]
        if not await first.wait_taken(_STORED_SECONDS):
            raise SinkError(f"{first.sink.name}: is not storing now; try again later")
        return await first.run(call)

    async def run(self) -> None:
        """Run until :meth:`stop`; then store the decisions within the time allowed.

        Raises :class:`EmbedderError` and any defect, after storing decisions and closing the sinks.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                deliveries = [
                    tasks.create_task(each.deliver(), name=each.sink.name)
                    for each in self._deliveries
                ]
                try:
                    await self._work()
                finally:
                    self._supervisor.stop()
                    await self._wait_for_readers(self._time_until(0.2))
                    await self._wait_for_judge(self._time_until(0.5))
                    for delivery in self._deliveries:
                        delivery.end()
                    await await_ended(deliveries, self._time_until(0.75))
        except BaseExceptionGroup as group:
            raise first_failure(group) from None
        finally:
            await self._close()

    async def _work(self) -> None:
        """Read and judge until stopped; then judge the queued frames."""
        async with asyncio.TaskGroup() as tasks:
            turns = tasks.create_task(self._take_turns(), name="judge")
            upkeep = [
                tasks.create_task(call(), name=call.__name__)
                for call in (self._look, self._reservations.keep, self._economise)
            ]
            await self._stopping.wait()
            for task in upkeep:
                task.cancel()
            self._supervisor.stop()
            await self._wait_for_readers(self._time_until(0.2))
            self._latest.end()
            if not await await_ended([turns], self._time_until(0.4)):
                _LOG.error("the judge hangs; its thread is abandoned")
                return
        try:
            async with asyncio.timeout(self._time_until(0.5)):
                await self._decide(self._judge.finish)
        except TimeoutError:
            _LOG.error("the judge hangs; its thread is abandoned")

    async def _take_turns(self) -> None:
        while prefiltered_frames := await self._latest.take(
            self._limits.batch, self._limits.patience
        ):
            await self._decide(self._judge.judge, prefiltered_frames)

    async def _decide(
        self, call: Callable[P, Sequence[SelectionUpdate]], *args: P.args, **kwargs: P.kwargs
    ) -> Sequence[SelectionUpdate]:
        """Let the judge decide; notify sinks in the order of decisions, even when cancelled."""
        return await asyncio.shield(self._decide_and_tell(partial(call, *args, **kwargs)))

    async def _decide_and_tell(
        self, call: Callable[[], Sequence[SelectionUpdate]]
    ) -> Sequence[SelectionUpdate]:
        async with self._ordered:
            updates = await self._judging.run(call)
            # If the judge hung and returned after the end, there is nobody to notify.
            if not self._encoding.is_dismissed:
                await self._publish(updates)
        return updates

    async def _publish(self, updates: Sequence[SelectionUpdate]) -> None:
        now = self._clock.monotonic()
        for update in updates:
            for observer in self._observers:
                observer.judged(update, now)
        if any(update.events for update in updates):
            updates = await self._encoding.run(all_encoded, updates, self._encode)
            for observer in self._observers:
                observer.stage_finished("encode", self._clock.monotonic() - now)
        for update in updates:
            for delivery in self._deliveries:
                delivery.post(update)

    async def _look(self) -> None:
        """Supervise the readers; report statuses and counters to observers and sinks."""
        for turn in count():
            for status in self._supervisor.changed():
                if status.state == "ended":
                    await self._decide(self._judge.settle, status.feed)
                for observer in self._observers:
                    observer.feed_changed(status)
                for delivery in self._deliveries:
                    delivery.post_status(status)
            for feed, frames in self._latest.dropped().items():
                self._tell_dropped(feed, "overload", frames)
            if turn % _TALLY_TURNS == 0:
                self._tally()
            await asyncio.sleep(_LOOK_SECONDS)

    def _tally(self) -> None:
        for feed, reader in self._supervisor.readers.items():
            for observer in self._observers:
                observer.tallied(feed, reader.source.tally())
            if frames := reader.take_unreserved():
                self._tell_dropped(feed, "unreserved", frames)
        for observer in self._observers:
            observer.queue_measured("inbox", len(self._latest))
            for delivery in self._deliveries:
                observer.queue_measured(delivery.sink.name, len(delivery))

    def _tell_dropped(self, feed: str, reason: DropReason, frames: int) -> None:
        for observer in self._observers:
            observer.dropped(feed, reason, frames)

    async def _economise(self) -> None:
        """Evict frames without a picture, and frames beyond a budget in bytes."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for place, delivery in enumerate(self._deliveries):
                await self._forget(delivery.take_lost())
                # A sink's excess is valid only after it has applied the last evictions.
                frames = min(delivery.excess_frames, _MOST_THINNED)
                if frames and delivery.has_taken(self._thinned[place]):
                    await self._decide(self._judge.thin, frames)
                    self._thinned[place] = delivery.posted

    async def _forget(self, lost: Sequence[FrameKey]) -> None:
        if lost:
            for update in await self._decide(self._judge.forget, lost):
                for event in update.changes:
                    if isinstance(event, Evicted):
                        reason = cast(DropReason, event.reason)
                        self._tell_dropped(event.frame.key.feed, reason, 1)

    def _time_until(self, share: float) -> float:
        """Return the seconds left of a share of the shutdown time; the first call starts it."""
        now = self._clock.monotonic()
        self._ending_since = min(self._ending_since, now)
        return max(0.0, self._ending_since + share * self._limits.shutdown - now)

    async def _wait_for_judge(self, within: float) -> None:
        """Wait for the judge's current work when another part of the pipeline fails."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within), self._ordered:
                return

    async def _wait_for_readers(self, within: float) -> None:
        """Wait for the readers' threads to end."""
        for _ in range(round(within / _WAIT_SECONDS)):
            if not self._supervisor.alive:
                return
            await asyncio.sleep(_WAIT_SECONDS)

    async def _close(self) -> None:
        """Close every sink and end every thread; then raise the first failure."""
        within = self._time_until(0.95)
        closed = await asyncio.gather(
            self._judging.leave(within),
            self._encoding.leave(within),
            *(delivery.close(within) for delivery in self._deliveries),
            return_exceptions=True,
        )
        self._left_behind = self._supervisor.alive > 0 or not all(each is True for each in closed)
        for each in closed:
            if isinstance(each, BaseException):
                raise each
