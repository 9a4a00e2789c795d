"""A common, monotonic time for the interleaved frames of several endless feeds."""

from __future__ import annotations

from collections.abc import Mapping

LAG = 60.0
"""Seconds by which a feed may lag behind the others before its time is advanced to theirs."""


class StreamClock:
    """Converts the media times of several feeds to one stream time, in seconds.

    The stream time of the first feed is its media time; a feed that joins later starts at the time
    the others have reached. A feed continues from there too if its media time steps back, or if it
    is ``LAG`` seconds behind (its camera's clock runs slow, or another feed jumped ahead). So
    ``now`` never decreases, and no feed is ever far behind it. Jumps ahead are accepted: media time
    covers gaps.

    >>> clock = StreamClock()
    >>> clock.at("gate", 5.0), clock.at("yard", 100.0), clock.at("yard", 101.0), clock.now
    (5.0, 5.0, 6.0, 6.0)
    >>> clock.at("yard", 0.0), clock.at("yard", 2.0), clock.at("gate", 6.5)
    (6.0, 8.0, 6.5)
    """

    def __init__(
        self, now: float = 0.0, feeds: Mapping[str, tuple[float, float]] | None = None
    ) -> None:
        """Start at ``now``; see :attr:`feeds`."""
        self._now = now
        self._feeds = dict(feeds or {})

    @property
    def now(self) -> float:
        """The latest stream time."""
        return self._now

    @property
    def feeds(self) -> Mapping[str, tuple[float, float]]:
        """For each feed, the offset added to its media time, and its last media time."""
        return self._feeds

    def at(self, feed: str, media_time: float) -> float:
        """Return the stream time of the next frame of ``feed``."""
        ahead, last = self._feeds.get(feed, (self._now - media_time, media_time))
        if not self._feeds and media_time >= self._now:
            ahead = 0.0
        elif media_time < last or ahead + media_time < self._now - LAG:
            ahead = self._now - media_time
        self._feeds[feed] = (ahead, media_time)
        time = ahead + media_time
        self._now = max(self._now, time)
        return time

    def was(self, feed: str, media_time: float) -> float:
        """Return the approximate stream time of an earlier frame of ``feed``."""
        return self._feeds.get(feed, (0.0, 0.0))[0] + media_time
