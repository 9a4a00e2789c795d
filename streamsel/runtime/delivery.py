"""A live sink's queue and writer: it may fail for hours, and neither memory nor order suffers."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from streamsel.clock import Clock
from streamsel.errors import SinkError
from streamsel.event import FeedStatus, Judgement, Verdict
from streamsel.frame import FrameKey
from streamsel.interfaces import LiveObserver, LiveSink
from streamsel.runtime.judgements import merge, picture_bytes, without_pictures
from streamsel.runtime.retry import Backoff
from streamsel.runtime.worker import Worker

_LOG = logging.getLogger("streamsel.sinks")
_BACKOFF = Backoff(first=0.1, most=2.0)
_TICK_SECONDS = 0.5

T = TypeVar("T")


class Delivery:
    """Hands judgements to one sink, in order, in the sink's own thread.

    What fails is tried again, for ever. Meanwhile judgements of one scope are merged once
    ``most_waiting`` wait, and pictures beyond ``most_bytes`` are given up, the oldest first.
    Create it inside the running event loop; run :meth:`deliver` as a task.
    """

    def __init__(
        self,
        sink: LiveSink,
        observers: Sequence[LiveObserver],
        clock: Clock,
        *,
        most_waiting: int,
        most_bytes: int,
    ) -> None:
        self.sink = sink
        self._observers = observers
        self._clock = clock
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._worker = Worker(f"streamsel-{sink.name}")
        self._waiting: deque[Judgement] = deque()
        self._statuses: dict[str, FeedStatus] = {}
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._lost: list[FrameKey] = []
        self._excess_bytes = 0
        self._failures = 0
        self._ending = False
        self._chance = random.Random()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_failing(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    @property
    def is_settled(self) -> bool:
        """Whether everything that was posted has been taken by the sink."""
        return self._settled.is_set()

    @property
    def excess_bytes(self) -> int:
        """How far the sink was beyond its budget in bytes when it was last looked at."""
        return self._excess_bytes

    def take_lost(self) -> list[FrameKey]:
        """Return the frames that the sink gave up since the last call."""
        lost, self._lost = self._lost, []
        return lost

    async def wait_settled(self) -> None:
        """Wait until everything that was posted has been taken by the sink."""
        await self._settled.wait()

    def post(self, judgement: Judgement) -> None:
        """Queue a judgement; never waits."""
        self._waiting.append(judgement)
        self._settled.clear()
        if len(self._waiting) > self._most_waiting:
            self._merge_oldest()
        self._bound_pictures()
        self._arrived.set()

    def post_status(self, status: FeedStatus) -> None:
        """Queue a status; of each feed only the newest is told."""
        self._statuses[status.feed] = status
        self._arrived.set()

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call in the sink's thread, between two of its own."""
        return await self._worker.run(call)

    async def deliver(self) -> None:
        """Hand over what comes, and let the sink do what is due, until :meth:`end`."""
        due = self._clock.monotonic()
        while not (self._ending and self._settled.is_set()):
            try:
                if self._clock.monotonic() >= due:
                    due = self._clock.monotonic() + _TICK_SECONDS
                    await self._worker.run(self._tick)
                await self._hand_over()
                self._failures = 0
            except SinkError as error:
                await self._fail(error)
                continue
            if not self._waiting and not self._statuses:
                self._settled.set()
                self._arrived.clear()
                await self._wait(max(0.0, due - self._clock.monotonic()))

    def end(self) -> None:
        """Let :meth:`deliver` return once everything is handed over."""
        self._ending = True
        self._arrived.set()

    async def close(self, within: float) -> bool:
        """Close the sink. Returns False where it hangs; its thread is left behind then."""
        try:
            async with asyncio.timeout(within):
                await self._worker.run(self.sink.close)
        except TimeoutError:
            _LOG.error("%s: does not come to an end; leaving it behind", self.sink.name)
            return False
        except SinkError as error:
            _LOG.error("%s: %s", self.sink.name, error)
        finally:
            self._worker.dismiss()
        return True

    async def _hand_over(self) -> None:
        while self._statuses:
            feed, status = next(iter(self._statuses.items()))
            await self._worker.run(self.sink.feed_changed, status)
            if self._statuses.get(feed) is status:
                del self._statuses[feed]
        if not self._waiting:
            return
        judgement = self._waiting.popleft()
        began = self._clock.monotonic()
        try:
            await self._worker.run(self._apply, judgement)
        except SinkError:
            self._waiting.appendleft(judgement)
            raise
        for observer in self._observers:
            observer.took(self.sink.name, self._clock.monotonic() - began)

    def _apply(self, judgement: Judgement) -> None:
        self.sink.apply(judgement)
        self._take_stock()

    def _tick(self) -> None:
        self.sink.tick()
        self._take_stock()

    def _take_stock(self) -> None:
        """Note, in the sink's thread, what the line has to make good."""
        self._lost = [*self._lost, *self.sink.lost()]
        self._excess_bytes = self.sink.excess_bytes

    async def _fail(self, error: SinkError) -> None:
        self._failures += 1
        if self._failures == 1:
            _LOG.error("%s: %s; trying again", self.sink.name, error)
        for observer in self._observers:
            observer.sink_failed(self.sink.name, type(error).__name__)
        if self._ending:
            await asyncio.sleep(_BACKOFF.first)
        else:
            await asyncio.sleep(_BACKOFF.delay(self._failures, self._chance))

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return

    def _merge_oldest(self) -> None:
        """Merge the oldest judgement that has a later one of its scope with that."""
        for place, first in enumerate(self._waiting):
            for other in range(place + 1, len(self._waiting)):
                if self._waiting[other].scope == first.scope:
                    self._tell_given_up((*first.verdicts, *self._waiting[other].verdicts))
                    self._waiting[other] = merge(first, self._waiting[other])
                    del self._waiting[place]
                    return

    def _tell_given_up(self, verdicts: Sequence[Verdict]) -> None:
        """Count the verdicts that the sink will never hear of."""
        for verdict in verdicts:
            if not verdict.events:
                for observer in self._observers:
                    observer.dropped(verdict.frame.key.feed, "sink", 1)

    def _bound_pictures(self) -> None:
        """Give up the oldest pictures; the judgement that is being handed over has its own."""
        room = self._most_bytes
        for place in reversed(range(len(self._waiting))):
            bounded = self._waiting[place] = without_pictures(self._waiting[place], room)
            room = max(0, room - picture_bytes(bounded))
