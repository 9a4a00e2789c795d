"""Sampling of a feed: the time range and the frames per second."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from streamsel.errors import SourceError

_ROUNDING = 1e-6
"""How far positions may be off that are typed, or were calculated."""
_CLOCK_ROUNDING = 1e-3
"""Seconds between two timestamps that may be missing because both were rounded."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Frames from ``start`` to before ``end`` (seconds of media time), at most ``fps`` per second.

    There is a tick every ``1 / fps`` s from ``start`` on. At a constant frame rate the frame
    nearest to each tick is chosen; else the first one at most half an average frame before it. So
    at the feed's own rate every frame is chosen, even if the container rounds timestamps to
    milliseconds or the camera is a little early.
    """

    start: float | None = None
    end: float | None = None
    fps: float | None = None

    def chooser(self, interval: Fraction | None = None) -> Chooser:
        """Return a new chooser for one pass over the feed.

        ``interval`` is the average duration of a frame in seconds, None if unknown.
        """
        return Chooser(self, interval)

    def require_start(self, where: str, ends: float) -> None:
        """Raise :class:`SourceError` for a feed that ends, after so many seconds, before ``start``.

        To be asked where none of its frames was wanted.
        """
        if self.start is not None and ends <= self.start:
            raise SourceError(
                f"{where} ends at {ends:.1f} s, and what is asked for begins at {self.start:g} s"
            )

    def expected(self, frames: int, seconds: float | None) -> int:
        """Return the expected number of chosen frames, if frames are evenly spaced."""
        if self == Sampling() or not seconds or seconds <= 0:
            return frames
        length = self.length(seconds)
        chosen = frames * length / seconds
        if self.fps is not None:
            chosen = min(chosen, math.ceil(length * self.fps))
        return round(chosen)

    def length(self, seconds: float) -> float:
        """How many of so many seconds lie between ``start`` and ``end``."""
        until = seconds if self.end is None else min(seconds, self.end)
        return max(0.0, until - (self.start or 0.0))


class Chooser:
    """Chooses frames by media time; ask in stream order.

    >>> chooser = Sampling(start=1, end=3, fps=1).chooser()
    >>> [time for time in (0.0, 0.6, 1.2, 1.8, 2.4, 3.0) if chooser.wants(time)]
    [1.2, 2.4]
    """

    def __init__(self, sampling: Sampling, interval: Fraction | None = None) -> None:
        self._sampling = sampling
        early = max(_CLOCK_ROUNDING, float(interval or 0) / 2)
        # Half-way between two frames a tick takes the later one, however numbers are rounded.
        self._early_ticks = min(0.5, early * (sampling.fps or 0.0)) - _ROUNDING
        self._start = sampling.start or 0.0
        self._tick = -1

    def is_past(self, media_time: float) -> bool:
        """Whether no later frame is wanted."""
        end = self._sampling.end
        return end is not None and media_time >= end - _ROUNDING

    def wants(self, media_time: float) -> bool:
        """Whether the frame at this time is chosen."""
        if media_time < self._start - _ROUNDING or self.is_past(media_time):
            return False
        if self._sampling.fps is None:
            return True
        tick = math.floor((media_time - self._start) * self._sampling.fps + self._early_ticks)
        if tick <= self._tick or self.is_past(self._start + tick / self._sampling.fps):
            return False
        self._tick = tick
        return True
