"""Sampling of a feed: the time range and the frames per second."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from streamsel.errors import SourceError

_ROUNDING = 1e-6
"""Tolerance of times that were typed or calculated, in seconds or ticks."""
_CLOCK_ROUNDING = 1e-3
"""Tolerance in seconds for timestamps rounded to milliseconds."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Frames in [``start``, ``end``) (seconds of media time), at most ``fps`` per second.

    Ticks are ``1 / fps`` s apart, from ``start`` on. Each tick selects the first frame that is not
    earlier than half an average frame before it; at a constant frame rate that is the nearest one.
    So the feed's own rate selects every frame, even if timestamps are rounded to milliseconds.
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
        """Raise :class:`SourceError` if a feed that ends at ``ends`` seconds ends before ``start``.

        Call it for a feed of which no frame was selected.
        """
        if self.start is not None and ends <= self.start:
            raise SourceError(
                f"{where} ends at {ends:.1f} s, but start is {self.start:g} s; start earlier"
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
        """Return the part of ``seconds`` that lies between ``start`` and ``end``, in seconds."""
        until = seconds if self.end is None else min(seconds, self.end)
        return max(0.0, until - (self.start or 0.0))


class Chooser:
    """Chooses frames by media time. Call :meth:`wants` in presentation order.

    >>> chooser = Sampling(start=1, end=3, fps=1).chooser()
    >>> [time for time in (0.0, 0.6, 1.2, 1.8, 2.4, 3.0) if chooser.wants(time)]
    [1.2, 2.4]
    """

    def __init__(self, sampling: Sampling, interval: Fraction | None = None) -> None:
        self._sampling = sampling
        early = max(_CLOCK_ROUNDING, float(interval or 0) / 2)
        # A tick halfway between two frames takes the later one, however numbers are rounded.
        self._early_ticks = min(0.5, early * (sampling.fps or 0.0)) - _ROUNDING
        self._start = sampling.start or 0.0
        self._tick = -1

    def is_past(self, media_time: float) -> bool:
        """Whether this frame and all later ones lie after the range."""
        end = self._sampling.end
        return end is not None and media_time >= end - _ROUNDING

    def wants(self, media_time: float) -> bool:
        """Whether to choose the frame at this time; consumes its tick."""
        if media_time < self._start - _ROUNDING or self.is_past(media_time):
            return False
        if self._sampling.fps is None:
            return True
        tick = math.floor((media_time - self._start) * self._sampling.fps + self._early_ticks)
        if tick <= self._tick or self.is_past(self._start + tick / self._sampling.fps):
            return False
        self._tick = tick
        return True
