"""Latest frames of live feeds: a bounded queue per feed to the judge; drops the oldest."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from streamsel.frame import PrefilteredFrame
from streamsel.wakeup import Wakeup

_REFUSED_TOO = 4
"""Maximum queue length, in depths, including refused frames."""
_BEHIND_SECONDS = 0.02


class _FeedQueue:
    """The queue of one feed: one thread puts, another takes."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._waiting: deque[PrefilteredFrame] = deque()
        self._dropped = 0
        self._lock = threading.Condition(threading.Lock())
        self.may_wait = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, prefiltered: PrefilteredFrame) -> None:
        """Append; if full, drop the oldest."""
        with self._lock:
            self._waiting.append(prefiltered)
            if self._passing > self._depth:
                self._drop(refused=False)
            elif len(self._waiting) > _REFUSED_TOO * self._depth:
                self._drop(refused=True)

    def take(self) -> PrefilteredFrame | None:
        """Remove and return the oldest frame; None if empty."""
        if not self._waiting:
            return None
        with self._lock:
            self._lock.notify_all()
            return self._waiting.popleft()

    def await_room(self, within: float) -> bool:
        """Wait for room; return whether there is."""
        with self._lock:
            return self._lock.wait_for(lambda: self._has_room, within)

    def await_empty(self, within: float) -> bool:
        """Wait until the queue is empty; return whether it is."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._waiting, within)

    def take_dropped(self) -> int:
        """Return how many frames were dropped since the last call."""
        if not self._dropped:
            return 0
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    @property
    def _passing(self) -> int:
        """Return how many frames were not refused."""
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
    """A short queue per feed. A full queue drops its oldest frame; producers never wait.

    Frames are taken in turns, one from each non-empty feed, so a flooding feed delays the others by
    one frame at most; within a feed they stay in order. Up to ``depth`` frames that were not
    refused wait per feed; beyond that, the oldest of these is dropped. Refused frames keep their
    places; if a queue is longer than four depths, its oldest refused frame is dropped. Only
    the event loop that takes opens and shuts.

    Readers share no lock; see :class:`~streamsel.wakeup.Wakeup`.
    """

    def __init__(self, depth: int, is_behind: Callable[[], bool] = lambda: False) -> None:
        """``is_behind`` tells whether later stages are overloaded."""
        self._depth = depth
        self._is_behind = is_behind
        self._latest: dict[str, _FeedQueue] = {}
        self._turn: deque[_FeedQueue] = deque()
        self._arrived = asyncio.Event()
        self._wakeup = Wakeup()
        self._is_asleep = False
        self._ended = False

    def open(self, feed: str) -> None:
        """Add a feed's queue."""
        queue = self._latest[feed] = _FeedQueue(self._depth)
        self._turn.append(queue)

    def shut(self, feed: str) -> None:
        """Remove a feed's queue and its frames; ignore frames that still arrive."""
        if (queue := self._latest.pop(feed, None)) is not None:
            self._turn.remove(queue)

    def put(self, prefiltered: PrefilteredFrame, *, may_wait: bool = False) -> None:
        """Append to the queue of the frame's feed. From the thread that reads the feed.

        Frames that ``may_wait``, those of a file, are not taken while later stages are behind.
        """
        queue = self._latest.get(prefiltered.frame.key.feed)
        if queue is None:
            return
        queue.may_wait = may_wait
        queue.put(prefiltered)
        if self._is_asleep:
            self._is_asleep = False
            self._wakeup.ring()

    def await_room(self, feed: str, within: float) -> bool:
        """Wait until the next frame of a feed would not displace another.

        Waits at most ``within`` seconds; returns whether there is room. From the feed's reader
        thread.
        """
        queue = self._latest.get(feed)
        return queue is None or queue.await_room(within)

    def await_empty(self, feed: str, within: float) -> bool:
        """Wait likewise until no frame of the feed is queued."""
        queue = self._latest.get(feed)
        return queue is None or queue.await_empty(within)

    @property
    def is_behind(self) -> bool:
        """Whether judged frames might be discarded unrecorded. Safe from any thread."""
        return self._is_behind()

    def end(self) -> None:
        """End the stream; waiting frames can still be taken."""
        self._ended = True
        self._arrived.set()

    def dropped(self) -> dict[str, int]:
        """Return how many frames of each feed were dropped since the last call."""
        return {
            feed: dropped
            for feed, queue in self._latest.items()
            if (dropped := queue.take_dropped())
        }

    def __len__(self) -> int:
        return sum(map(len, self._turn))

    async def take(self, most: int, patience: float) -> list[PrefilteredFrame]:
        """Take between one and ``most`` frames, waiting for the first as long as it takes.

        If it had to wait and there are several feeds, it waits ``patience`` seconds more, so that
        frames that arrive at nearly the same time are embedded together. Returns an empty list only
        at the end.
        """
        while True:
            if not len(self):
                if self._ended:
                    return []
                await self._sleep()
                if len(self._latest) > 1 and not self._ended:
                    await asyncio.sleep(patience)
            # A queue may have been shut meanwhile, with all its frames.
            if taken := self._turns(most):
                return taken
            await asyncio.sleep(max(patience, _BEHIND_SECONDS))  # what is left waits for the sinks

    async def _sleep(self) -> None:
        self._arrived.clear()
        self._wakeup.listen(self._arrived)
        # Set before the check: a reader that appends after the check sees the flag.
        self._is_asleep = True
        if not len(self) and not self._ended:
            await self._arrived.wait()
        self._is_asleep = False

    def _turns(self, most: int) -> list[PrefilteredFrame]:
        """Take one frame from each non-empty feed, repeatedly, until ``most`` are taken."""
        taken: list[PrefilteredFrame] = []
        is_behind = not self._ended and self.is_behind
        without = 0
        while len(taken) < most and without < len(self._turn):
            # Each feed goes to the end of the queue after its turn.
            queue = self._turn[0]
            prefiltered = None if is_behind and queue.may_wait else queue.take()
            self._turn.rotate(-1)
            if prefiltered is None:
                without += 1
            else:
                without = 0
                taken.append(prefiltered)
        return taken
