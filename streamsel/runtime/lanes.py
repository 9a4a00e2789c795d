"""The bounded handover from many reading threads to one judge: a lane a feed, the newest wins."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from contextlib import suppress

from streamsel.frame import Sighting


class Lanes:
    """A short queue for each feed. A full one lets go of its oldest frame; nobody ever waits.

    Frames are taken in turns, one of each feed that has any, so a feed that floods delays the
    others by a frame at most; within a feed the order stays. What the screen refused travels along
    in its place, in a bounded number, and is let go of before a frame that was not refused.
    Create it inside the running event loop that takes from it.
    """

    def __init__(self, depth: int) -> None:
        """``depth`` frames of a feed may wait."""
        self._depth = depth
        self._lanes: dict[str, deque[Sighting]] = {}
        self._dropped: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._ended = False

    def open(self, feed: str) -> None:
        """Add a lane."""
        with self._lock:
            self._lanes[feed] = deque()

    def shut(self, feed: str) -> None:
        """Remove a lane and what waits in it; what is still put there is passed over."""
        with self._lock:
            self._lanes.pop(feed, None)

    def put(self, sighting: Sighting) -> None:
        """Append to the lane of the sighting's feed. From the thread that reads the feed."""
        feed = sighting.frame.key.feed
        with self._lock:
            lane = self._lanes.get(feed)
            if lane is None:
                return
            is_asleep = not any(self._lanes.values())
            lane.append(sighting)
            if sum(seen.refusal is None for seen in lane) > self._depth:
                self._drop(lane, refused=False)
            elif len(lane) > 4 * self._depth:
                self._drop(lane, refused=True)
        if is_asleep:
            self._wake()

    def end(self) -> None:
        """Say that nothing more will come: what waits is still taken."""
        self._ended = True
        self._arrived.set()

    def dropped(self) -> dict[str, int]:
        """Return how many frames of each feed were let go of since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, Counter()
        return dict(dropped)

    def __len__(self) -> int:
        with self._lock:
            return sum(len(lane) for lane in self._lanes.values())

    async def take(self, most: int, patience: float) -> list[Sighting]:
        """Take between one and ``most`` sightings, waiting for the first as long as it takes.

        Whoever had to wait while several feeds are read waits ``patience`` seconds more, so that
        frames that come about together are embedded together; where frames wait already, the
        batch is as full as it needs to be. Returns an empty list only at the end.
        """
        while True:
            if not len(self):
                if self._ended:
                    return []
                await self._sleep()
                if len(self._lanes) > 1 and not self._ended:
                    await asyncio.sleep(patience)
            # A lane may have been shut meanwhile, with all that waited.
            if taken := self._turns(most):
                return taken

    async def _sleep(self) -> None:
        self._arrived.clear()
        if not len(self) and not self._ended:
            await self._arrived.wait()

    def _turns(self, most: int) -> list[Sighting]:
        """Take one sighting of each feed that has any, and again, until ``most`` are taken."""
        taken: list[Sighting] = []
        with self._lock:
            waiting = sum(map(len, self._lanes.values()))
            while waiting and len(taken) < most:
                # The feed whose turn it was goes to the end of the queue.
                feed = next(iter(self._lanes))
                lane = self._lanes[feed] = self._lanes.pop(feed)
                if lane:
                    taken.append(lane.popleft())
                    waiting -= 1
        return taken

    def _drop(self, lane: deque[Sighting], *, refused: bool) -> None:
        place = next(at for at, seen in enumerate(lane) if (seen.refusal is not None) == refused)
        oldest = lane[place]
        del lane[place]
        oldest.frame.picture.drop()
        self._dropped[oldest.frame.key.feed] += 1

    def _wake(self) -> None:
        # A reader that was left behind may come back when the loop is gone.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.set)
