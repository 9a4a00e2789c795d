"""Delivers updates to one sink of a service: a bounded queue, in order, with endless retries."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from streamsel.backoff import Backoff
from streamsel.clock import Clock
from streamsel.decisions import DropReason, FeedStatus, Kept, SelectionUpdate
from streamsel.errors import SinkError
from streamsel.frame import FrameKey
from streamsel.interfaces.observers import LiveObserver
from streamsel.interfaces.sinks import FollowsFeeds, HasBudget, Sink, Ticks
from streamsel.runtime.update_queue import QueuedUpdate, UpdateQueue
from streamsel.runtime.worker import Worker
from streamsel.wakeup import await_set

_LOG = logging.getLogger("streamsel.sinks")
_BACKOFF = Backoff(first=0.1, most=2.0)
_TICK_SECONDS = 0.5
_LEAVING_SECONDS = 0.2
_SHARE_AT_ONCE = 16
_SECONDS_AT_ONCE = 0.25

T = TypeVar("T")


class Delivery:
    """Delivers updates to one sink, in order, in the sink's own thread.

    A failed call is retried for ever, before anything else is delivered. Waiting updates are
    bounded by :class:`UpdateQueue`, and so are those being delivered. Frames of discarded verdicts
    count as dropped if ``is_record``, so once for any number of sinks. Create it inside the running
    event loop; run :meth:`deliver` as a task.
    """

    def __init__(
        self,
        sink: Sink,
        observers: Sequence[LiveObserver],
        clock: Clock,
        *,
        most_waiting: int,
        most_bytes: int,
        is_record: bool,
    ) -> None:
        self.sink = sink
        self._follower = sink if isinstance(sink, FollowsFeeds) else None
        self._ticker = sink if isinstance(sink, Ticks) else None
        self._store = sink if isinstance(sink, HasBudget) else None
        self._observers = observers
        self._clock = clock
        self._is_record = is_record
        self._worker = Worker(f"streamsel-{sink.name}")
        self._waiting = UpdateQueue(most_waiting, most_bytes)
        self._at_once = max(1, most_waiting // _SHARE_AT_ONCE)
        self._in_hand: list[QueuedUpdate] = []
        self._posted = 0
        self._statuses: dict[str, FeedStatus] = {}
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._lost: deque[FrameKey] = deque()
        self._excess_bytes = 0
        self._usual_bytes = 0.0
        self._failures: Counter[str] = Counter()
        self._reason = ""
        self._ending = False
        self._chance = random.Random()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_hand)

    @property
    def is_failing(self) -> bool:
        """Whether the latest call failed."""
        return bool(self._failures)

    @property
    def reason(self) -> str:
        """Why the latest call failed; empty if it succeeded."""
        return self._reason

    @property
    def posted(self) -> int:
        """Number of updates posted so far."""
        return self._posted

    @property
    def is_behind(self) -> bool:
        """Whether updates might soon be discarded. Safe from any thread."""
        return self._waiting.is_half_full

    def has_taken(self, posted: int) -> bool:
        """Whether the sink has applied the first ``posted`` updates."""
        oldest = self._in_hand[0].number if self._in_hand else self._waiting.oldest
        return oldest is None or oldest > posted

    async def wait_taken(self, within: float) -> bool:
        """Wait until the sink has applied everything posted so far; return False if it is stuck.

        Progress within every ``within`` seconds is enough: a slow disk has much to do if many feeds
        start at once.
        """
        posted = self._posted
        while not self.has_taken(posted):
            self._taken.clear()
            if not await await_set(self._taken, within):
                return False
        return True

    @property
    def excess_frames(self) -> int:
        """Return how many frames should be evicted for the sink's budget in bytes.

        About half of the excess, so that never too many are evicted; at least one if there is any
        excess.
        """
        if self._excess_bytes <= 0:
            return 0
        return max(1, int(self._excess_bytes / (2 * self._usual_bytes or math.inf)))

    def take_lost(self) -> list[FrameKey]:
        """Return the frames that the sink gave up since the last call."""
        return [self._lost.popleft() for _ in range(len(self._lost))]

    def post(self, update: SelectionUpdate) -> None:
        """Queue an update; never waits."""
        self._posted += 1
        reason: DropReason = "sink" if self.is_failing else "late"
        given_up = self._waiting.put(update, self._posted)
        if self._is_record:
            for feed, frames in given_up.items():
                for observer in self._observers:
                    observer.dropped(feed, reason, frames)
        for event in update.events:
            if isinstance(event, Kept) and (held := event.frame.picture.held_bytes):
                self._usual_bytes += (held - self._usual_bytes) / (16 if self._usual_bytes else 1)
        self._arrived.set()

    def post_status(self, status: FeedStatus) -> None:
        """Queue a status, if the sink follows feeds; only the newest of each feed is delivered."""
        if self._follower is not None:
            self._statuses[status.feed] = status
            self._arrived.set()

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call in the sink's thread, between two of its own calls."""
        return await self._worker.run(call)

    async def deliver(self) -> None:
        """Deliver queued updates and call the sink's periodic work, until :meth:`end`."""
        has_upkeep = self._ticker is not None or self._store is not None
        due = self._clock.monotonic() if has_upkeep else math.inf
        while not self._ending or len(self):
            if self._clock.monotonic() >= due:
                due = self._clock.monotonic() + _TICK_SECONDS
                await self._attempt("tick", self._keep_up)
            self._arrived.clear()
            if len(self):
                await self._hand_over()
            elif self._follower is not None and self._statuses:
                await self._tell_status(self._follower)
            elif not self._ending:
                await await_set(self._arrived, max(0.0, due - self._clock.monotonic()))

    def end(self) -> None:
        """Let :meth:`deliver` return once everything is delivered."""
        self._ending = True
        self._arrived.set()

    async def close(self, within: float) -> bool:
        """Close the sink. Returns False if it hangs; its thread is abandoned then."""
        try:
            async with asyncio.timeout(within):
                await self._worker.run(self.sink.close)
        except TimeoutError:
            _LOG.error("%s: hangs; its thread is abandoned", self.sink.name)
        except SinkError as error:
            _LOG.error("%s: %s", self.sink.name, error)
        finally:
            has_left = await self._worker.leave(_LEAVING_SECONDS)
        return has_left

    async def _hand_over(self) -> None:
        """Deliver several updates in one call, because each call costs a turn of the loop."""
        # A started update is never merged or reduced; it is retried unchanged.
        self._in_hand = self._in_hand or self._waiting.take(self._at_once)
        taken: list[float] = []
        await self._attempt("update", partial(self._apply, tuple(self._in_hand), taken))
        for seconds in taken:
            queued = self._in_hand.pop(0)
            for observer in self._observers:
                observer.stage_finished(self.sink.name, seconds)
                observer.delivered(self.sink.name, queued.update)
        if taken:
            self._taken.set()

    async def _tell_status(self, follower: FollowsFeeds) -> None:
        feed, status = next(iter(self._statuses.items()))
        told = await self._attempt("status", partial(follower.feed_changed, status))
        if told and self._statuses[feed] is status:
            del self._statuses[feed]

    async def _attempt(self, what: str, call: Callable[[], None]) -> bool:
        """Call the sink; on failure log it, wait for the backoff and return False.

        Only the first failure and the recovery are logged.
        """
        try:
            await self._worker.run(call)
        except SinkError as error:
            if not self._failures:
                _LOG.error("%s: %s; trying again", self.sink.name, error)
            self._failures[what] += 1
            self._reason = str(error)
            for observer in self._observers:
                observer.sink_failed(self.sink.name, type(error).__name__)
            failures = 1 if self._ending else self._failures[what]
            await asyncio.sleep(_BACKOFF.delay(failures, self._chance))
            return False
        if self._failures.pop(what, 0) and not self._failures:
            _LOG.info("%s: works again", self.sink.name)
        return True

    def _apply(self, queued_updates: Sequence[QueuedUpdate], taken: list[float]) -> None:
        """Apply updates for a while; record the time taken by each."""
        began = last = self._clock.monotonic()
        for queued in queued_updates:
            self.sink.apply(queued.update)
            self._take_stock()
            now = self._clock.monotonic()
            taken.append(now - last)
            last = now
            if now - began > _SECONDS_AT_ONCE:
                break

    def _keep_up(self) -> None:
        if self._ticker is not None:
            self._ticker.tick()
        self._take_stock()

    def _take_stock(self) -> None:
        """Record, in the sink's thread, lost frames and excess bytes."""
        if self._store is not None:
            self._lost.extend(self._store.lost())
            self._excess_bytes = self._store.excess_bytes
