"""Latest frames of live feeds: a bounded queue per feed to the judge; drops the oldest."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from streamsel.frame import PrefilteredFrame

_REFUSED_TOO = 4
"""How many times as many may wait where most of them are refused."""


class _FeedQueue:
    """What waits of one feed: one thread puts, another takes."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._waiting: deque[PrefilteredFrame] = deque()
        self._dropped = 0
        self._lock = threading.Condition(threading.Lock())

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, prefiltered: PrefilteredFrame) -> None:
        """Append; where there are too many, let go of the oldest."""
        with self._lock:
            self._waiting.append(prefiltered)
            if self._passing > self._depth:
                self._drop(refused=False)
            elif len(self._waiting) > _REFUSED_TOO * self._depth:
                self._drop(refused=True)

    def take(self) -> PrefilteredFrame | None:
        """Remove and return the oldest; None where nothing waits."""
        if not self._waiting:
            return None
        with self._lock:
            self._lock.notify_all()
            return self._waiting.popleft()

    def await_room(self, within: float) -> bool:
        """Wait until one more would not be too many; whether that is so."""
        with self._lock:
            return self._lock.wait_for(lambda: self._has_room, within)

    def await_empty(self, within: float) -> bool:
        """Wait until nothing waits; whether that is so."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._waiting, within)

    def take_dropped(self) -> int:
        """Return how many were let go of since the last call."""
        if not self._dropped:
            return 0
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    @property
    def _passing(self) -> int:
        """How many were not refused."""
        return sum(seen.refusal is None for seen in self._waiting)

    @property
    def _has_room(self) -> bool:
        return self._passing < self._depth and len(self) < _REFUSED_TOO * self._depth

    def _drop(self, *, refused: bool) -> None:
        queue = self._waiting
        place = next(at for at, seen in enumerate(queue) if (seen.refusal is not None) == refused)
        queue[place].frame.picture.drop()
        del queue[place]
        self._dropped += 1


class LatestFrames:
    """A short queue for each feed. A full one lets go of its oldest frame; nobody ever waits.

    Frames are taken in turns, one of each feed that has any, so a feed that floods delays the
    others by a frame at most; within a feed the order stays. What the prefilter refused travels
    along in its place, in a bounded number, and is let go of before a frame that was not refused.
    Create it inside the running event loop, which alone opens, shuts and takes.

    Readers share no lock: one that hundreds want is handed from each to the next only as fast as
    the interpreter gives them their turn, some 200 times a second.
    """

    def __init__(self, depth: int, is_behind: Callable[[], bool] = lambda: False) -> None:
        """``depth`` frames of a feed may wait; ``is_behind``: what follows has too much to do."""
        self._depth = depth
        self._is_behind = is_behind
        self._latest: dict[str, _FeedQueue] = {}
        self._turn: deque[_FeedQueue] = deque()
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._is_asleep = False
        self._ended = False

    def open(self, feed: str) -> None:
        """Add a queue."""
        queue = self._latest[feed] = _FeedQueue(self._depth)
        self._turn.append(queue)

    def shut(self, feed: str) -> None:
        """Remove a queue and what waits in it; what is still put there is passed over."""
        if (queue := self._latest.pop(feed, None)) is not None:
            self._turn.remove(queue)

    def put(self, prefiltered: PrefilteredFrame) -> None:
        """Append to the queue of its feed. From the thread that reads the feed."""
        queue = self._latest.get(prefiltered.frame.key.feed)
        if queue is None:
            return
        queue.put(prefiltered)
        if self._is_asleep:
            self._is_asleep = False
            self._wake()

    def await_room(self, feed: str, within: float) -> bool:
        """Wait until the next frame of a feed would not make another give way.

        For ``within`` seconds at most; whether there is room. From the thread that reads the feed.
        """
        queue = self._latest.get(feed)
        return queue is None or queue.await_room(within)

    def await_empty(self, feed: str, within: float) -> bool:
        """The same until nothing of the feed waits any more."""
        queue = self._latest.get(feed)
        return queue is None or queue.await_empty(within)

    @property
    def is_behind(self) -> bool:
        """Whether what is judged might be given up unrecorded. From any thread."""
        return self._is_behind()

    def end(self) -> None:
        """Say that nothing more will come: what waits is still taken."""
        self._ended = True
        self._arrived.set()

    def dropped(self) -> dict[str, int]:
        """Return how many frames of each feed were let go of since the last call."""
        return {
            feed: dropped
            for feed, queue in self._latest.items()
            if (dropped := queue.take_dropped())
        }

    def __len__(self) -> int:
        return sum(map(len, self._turn))

    async def take(self, most: int, patience: float) -> list[PrefilteredFrame]:
        """Take between one and ``most`` frames, waiting for the first as long as it takes.

        Whoever had to wait while several feeds are read waits ``patience`` seconds more, so that
        frames that come about together are embedded together; where frames wait already, the
        batch is as full as it needs to be. Returns an empty list only at the end.
        """
        while True:
            if not len(self):
                if self._ended:
                    return []
                await self._sleep()
                if len(self._latest) > 1 and not self._ended:
                    await asyncio.sleep(patience)
            # A queue may have been shut meanwhile, with all that waited.
            if taken := self._turns(most):
                return taken

    async def _sleep(self) -> None:
        self._arrived.clear()
        # In this order: whoever puts something after that look sees who sleeps.
        self._is_asleep = True
        if not len(self) and not self._ended:
            await self._arrived.wait()
        self._is_asleep = False

    def _turns(self, most: int) -> list[PrefilteredFrame]:
        """Take one frame of each feed that has any, and again, until ``most`` are taken."""
        taken: list[PrefilteredFrame] = []
        without = 0
        while len(taken) < most and without < len(self._turn):
            # The feed whose turn it was goes to the end of the queue.
            prefiltered = self._turn[0].take()
            self._turn.rotate(-1)
            if prefiltered is None:
                without += 1
            else:
                without = 0
                taken.append(prefiltered)
        return taken

    def _wake(self) -> None:
        # A reader that was left behind may come back when the loop is gone.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.set)
