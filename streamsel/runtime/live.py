"""The straight line for feeds that never end: nothing waits, what is late gives way, all goes on.

    a thread a feed: LiveSource -> Screen -> its lane
    judge thread: Embedder (a batch over all feeds) -> LiveSelector of each scope -> Judgement
    encode thread: the pictures of kept frames -> a delivery, with a thread, for each LiveSink

A camera that hangs holds up its own thread, a sink that fails its own delivery. Only a defect, or
an embedder that fails, ends the line.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import count
from typing import TypeVar, cast

from streamsel.clock import Clock
from streamsel.errors import ConfigurationError, SinkError
from streamsel.event import Event, FeedStatus, Judgement
from streamsel.frame import EncodedPicture, FrameKey, Picture, Sighting
from streamsel.interfaces import Embedder, LiveObserver, LiveSelector, LiveSink
from streamsel.runtime.budget import PictureBudget
from streamsel.runtime.delivery import Delivery
from streamsel.runtime.failure import first_failure
from streamsel.runtime.feed import LiveFeed
from streamsel.runtime.judge import Judge
from streamsel.runtime.judgements import encoded
from streamsel.runtime.lanes import Lanes
from streamsel.runtime.limits import LiveLimits
from streamsel.runtime.retry import Backoff
from streamsel.runtime.roster import Roster
from streamsel.runtime.worker import Worker

_LOG = logging.getLogger("streamsel.service")
_LOOK_SECONDS = 0.25
_TALLY_TURNS = 4
_WAIT_SECONDS = 0.02

T = TypeVar("T")


class LivePipeline:
    """The line of a service. Create it inside the running event loop, then :meth:`run` it.

    ``encode`` makes an image file of a picture, from several threads at once. ``reserve`` records
    durably that all numbers of a feed below one may be in use; it is called in the thread of the
    first sink. Feeds may be added and removed at any time, before it runs too.
    """

    def __init__(
        self,
        embedder: Embedder,
        sinks: Sequence[LiveSink],
        encode: Callable[[Picture], EncodedPicture],
        reserve: Callable[[str, int], None],
        clock: Clock,
        *,
        observers: Sequence[LiveObserver] = (),
        limits: LiveLimits | None = None,
    ) -> None:
        self._limits = limits = limits or LiveLimits()
        self._encode = encode
        self._reserve = reserve
        self._clock = clock
        self._observers = observers
        self._lanes = Lanes(limits.lane)
        self._budget = PictureBudget(limits.picture_bytes, encode)
        backoff = Backoff(first=limits.retry_first, most=limits.retry_most)
        self._roster = Roster(self._pass_on, clock, backoff)
        self._judge = Judge(embedder, observers, clock)
        self._judging = Worker("streamsel-judge")
        self._encoding = Worker("streamsel-encode")
        self._deliveries = [
            Delivery(
                sink,
                observers,
                clock,
                most_waiting=limits.most_waiting,
                most_bytes=limits.most_waiting_bytes,
            )
            for sink in sinks
        ]
        self._scopes: dict[str, set[str]] = {}
        self._ordered = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._left_behind = False

    @property
    def left_behind(self) -> bool:
        """Whether a thread hangs after the run, so that the process must be ended by force."""
        return self._left_behind

    @property
    def failing_sinks(self) -> tuple[str, ...]:
        """The sinks that do not work at present."""
        return tuple(each.sink.name for each in self._deliveries if each.is_failing)

    @property
    def scopes(self) -> dict[str, frozenset[str]]:
        """The feeds that each selector judges, by the selector's name."""
        return {scope: frozenset(feeds) for scope, feeds in self._scopes.items()}

    def statuses(self) -> list[FeedStatus]:
        """How every feed is now."""
        return self._roster.statuses()

    async def alive(self) -> None:
        """Return once the judge has answered; so does whoever waits for the loop and for it."""
        await self._judging.run(lambda: None)

    def stop(self) -> None:
        """Let :meth:`run` come to its end. From the loop."""
        self._stopping.set()

    async def add_feed(self, feed: LiveFeed, make_selector: Callable[[], LiveSelector]) -> None:
        """Begin to read a feed; ``make_selector`` is called where its scope is a new one.

        Raises :class:`ConfigurationError` for a name that is taken, and what the making raises.
        """
        if feed.name in self._roster:
            raise ConfigurationError(f"feed {feed.name!r}: there is one of that name already")
        if feed.scope not in self._scopes:
            selector = await self._judging.run(make_selector)
            await self._judging.run(self._judge.open_scope, feed.scope, selector)
            self._scopes[feed.scope] = set()
        self._scopes[feed.scope].add(feed.name)
        await self._judging.run(self._judge.assign, feed.name, feed.scope)
        self._lanes.open(feed.name)
        self._roster.add(feed)

    async def remove_feed(self, feed: str) -> None:
        """Read a feed no more. What it kept stays kept; its scope ends with its last feed."""
        self._roster.remove(feed)
        self._lanes.shut(feed)
        await self._judging.run(self._judge.assign, feed, None)
        for scope, feeds in list(self._scopes.items()):
            feeds.discard(feed)
            if not feeds:
                del self._scopes[scope]
                async with self._ordered:
                    last = await self._judging.run(self._judge.close_scope, scope)
                    if last is not None:
                        await self._publish([last])
        for observer in self._observers:
            observer.feed_removed(feed)

    def set_enabled(self, feed: str, enabled: bool) -> None:
        """Switch a feed on or off. Raises :class:`ConfigurationError` for one that is unknown."""
        self._roster.set_enabled(feed, enabled)

    async def change(
        self, scope: str, call: Callable[[LiveSelector], Sequence[Event]]
    ) -> Judgement:
        """Let ``call`` change what a scope keeps, and tell the sinks. Raises what it raises."""
        self._require(scope)
        async with self._ordered:
            judgement = await self._judging.run(self._judge.change, scope, call)
            await self._publish([judgement])
        return judgement

    async def ask(self, scope: str, call: Callable[[LiveSelector], T]) -> T:
        """Let ``call`` look at the selector of a scope, in the thread that may touch it."""
        self._require(scope)
        return cast(T, await self._judging.run(self._judge.ask, scope, call))

    async def run_in_first_sink(self, call: Callable[[], T]) -> T:
        """Run a call in the thread of the first sink, the one that keeps the record."""
        return await self._deliveries[0].run(call)

    async def run(self) -> None:
        """Run until :meth:`stop`; then store what was decided, within the time allowed.

        Raises :class:`EmbedderError`, and whatever defect a stage has; the sinks are closed then,
        too.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                deliveries = [
                    tasks.create_task(each.deliver(), name=each.sink.name)
                    for each in self._deliveries
                ]
                turns = tasks.create_task(self._turns(), name="judge")
                upkeep = [
                    tasks.create_task(call(), name=call.__name__)
                    for call in (self._look, self._reserve_ahead, self._economise)
                ]
                await self._stopping.wait()
                for task in upkeep:
                    task.cancel()
                await self._wind_up(turns, deliveries)
        except BaseExceptionGroup as group:
            raise first_failure(group) from None
        finally:
            self._roster.stop()
            await self._close()

    async def _turns(self) -> None:
        while sightings := await self._lanes.take(self._limits.batch, self._limits.patience):
            async with self._ordered:
                await self._publish(await self._judging.run(self._judge.judge, sightings))

    async def _publish(self, judgements: Sequence[Judgement]) -> None:
        """Tell everybody, in the order in which it was decided."""
        now = self._clock.monotonic()
        for judgement in judgements:
            for observer in self._observers:
                observer.judged(judgement, now)
            if judgement.events:
                judgement = await self._encoding.run(encoded, judgement, self._encode)
            for delivery in self._deliveries:
                delivery.post(judgement)
        if judgements:
            for observer in self._observers:
                observer.took("encode", self._clock.monotonic() - now)

    def _pass_on(self, sighting: Sighting) -> None:
        """Take what a reader saw, in its thread."""
        if sighting.refusal is None:
            self._budget.hold(sighting.frame.picture)
        self._lanes.put(sighting)

    async def _look(self) -> None:
        """Watch over the readers, and tell observers and sinks how all is."""
        unreserved: Counter[str] = Counter()
        for turn in count():
            for status in self._roster.changed():
                for observer in self._observers:
                    observer.feed_changed(status)
                for delivery in self._deliveries:
                    delivery.post_status(status)
            for feed, frames in self._lanes.dropped().items():
                self._tell_dropped(feed, "overload", frames)
            if turn % _TALLY_TURNS == 0:
                self._tally(unreserved)
            await asyncio.sleep(_LOOK_SECONDS)

    def _tally(self, unreserved: Counter[str]) -> None:
        for feed, reader in self._roster.readers.items():
            for observer in self._observers:
                observer.tallied(feed, reader.source.tally())
            if frames := reader.unreserved - unreserved[feed]:
                unreserved[feed] = reader.unreserved
                self._tell_dropped(feed, "unreserved", frames)
        for observer in self._observers:
            observer.waiting("inbox", len(self._lanes))
            for delivery in self._deliveries:
                observer.waiting(delivery.sink.name, len(delivery))

    def _tell_dropped(self, feed: str, reason: str, frames: int) -> None:
        for observer in self._observers:
            observer.dropped(feed, reason, frames)

    async def _reserve_ahead(self) -> None:
        """Reserve numbers long before they are used up; where that fails, try again."""
        while True:
            for feed, reader in self._roster.readers.items():
                if reader.reserved - reader.next_index > self._limits.reserve // 2:
                    continue
                upto = reader.next_index + self._limits.reserve
                try:
                    await self._deliveries[0].run(partial(self._reserve, feed, upto))
                except SinkError as error:
                    for observer in self._observers:
                        observer.sink_failed(self._deliveries[0].sink.name, type(error).__name__)
                else:
                    reader.reserved = upto
            await asyncio.sleep(4 * _LOOK_SECONDS)

    async def _economise(self) -> None:
        """Give up the frames whose pictures were lost, and those beyond a budget in bytes."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for delivery in self._deliveries:
                await self._forget(delivery.take_lost())
                while delivery.is_settled and delivery.excess_bytes > 0:
                    scope = await self._judging.run(self._judge.most_redundant)
                    if scope is None:
                        break
                    await self.change(scope, _evict_one)
                    await delivery.wait_settled()

    async def _forget(self, lost: Sequence[FrameKey]) -> None:
        for scope, feeds in list(self._scopes.items()):
            keys = [key for key in lost if key.feed in feeds]
            for key in keys:
                self._tell_dropped(key.feed, "lost", 1)
            if keys:
                await self.change(scope, partial(_forget_lost, keys))

    async def _wind_up(
        self, turns: asyncio.Task[None], deliveries: Sequence[asyncio.Task[None]]
    ) -> None:
        """Come to an end in good order, each step within its part of the time allowed."""
        part = self._limits.shutdown / 5
        self._roster.stop()
        await self._left(part)
        self._lanes.end()
        if not await _ended([turns], part):
            _LOG.error("judging does not come to an end; leaving it behind")
        else:
            await self._publish(await self._judging.run(self._judge.finish))
        for delivery in self._deliveries:
            delivery.end()
        await _ended(deliveries, part)

    async def _left(self, within: float) -> None:
        """Wait for the readers' threads to leave."""
        for _ in range(round(within / _WAIT_SECONDS)):
            if not self._roster.alive:
                return
            await asyncio.sleep(_WAIT_SECONDS)

    async def _close(self) -> None:
        closed = await asyncio.gather(
            *(delivery.close(self._limits.shutdown / 5) for delivery in self._deliveries)
        )
        self._judging.dismiss()
        self._encoding.dismiss()
        self._left_behind = bool(self._roster.alive) or not all(closed)

    def _require(self, scope: str) -> None:
        if scope not in self._scopes:
            known = ", ".join(self._scopes) or "none"
            raise ConfigurationError(f"no feed or group {scope!r} in this service; it has {known}")


def _evict_one(selector: LiveSelector) -> Sequence[Event]:
    return selector.evict_redundant("over-budget")


def _forget_lost(keys: Collection[FrameKey], selector: LiveSelector) -> Sequence[Event]:
    return selector.forget(keys, "lost")


async def _ended(tasks: Sequence[asyncio.Task[None]], within: float) -> bool:
    """Wait for tasks to end by themselves; cancel those that do not. Tells whether all did."""
    if not tasks:
        return True
    _, pending = await asyncio.wait(tasks, timeout=within)
    for task in pending:
        task.cancel()
    return not pending
