"""Which frames of a feed the user wants looked at: a stretch of it, and how many per second."""

from __future__ import annotations

import math
from dataclasses import dataclass

from streamsel.errors import SourceError

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Sampling:
    """From ``start`` up to but without ``end`` (seconds of media time), at most ``fps`` a second.

    Ticks come every ``1 / fps`` s from ``start`` on; the first frame at or after each is chosen.
    """

    start: float | None = None
    end: float | None = None
    fps: float | None = None

    def chooser(self) -> Chooser:
        """A fresh chooser for one pass over the feed."""
        return Chooser(self)

    def require_start(self, where: str, ends: float) -> None:
        """Raise :class:`SourceError` for a feed that ends, after so many seconds, before ``start``.

        To be asked where none of its frames was wanted.
        """
        if self.start is not None and ends <= self.start:
            raise SourceError(
                f"{where} ends at {ends:.1f} s, and what is asked for begins at {self.start:g} s"
            )

    def expected(self, frames: int, seconds: float | None) -> int:
        """How many of so many frames, spread evenly over so many seconds, would be chosen."""
        if self == Sampling() or not seconds or seconds <= 0:
            return frames
        length = min(seconds, math.inf if self.end is None else self.end) - (self.start or 0.0)
        length = max(0.0, length)
        chosen = frames * length / seconds
        if self.fps is not None:
            chosen = min(chosen, math.ceil(length * self.fps))
        return round(chosen)


class Chooser:
    """Chooses frames by media time; ask in stream order.

    >>> chooser = Sampling(start=1, end=3, fps=1).chooser()
    >>> [time for time in (0.0, 0.6, 1.2, 1.8, 2.4, 3.0) if chooser.wants(time)]
    [1.2, 2.4]
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._start = sampling.start or 0.0
        self._tick = -1

    def is_past(self, media_time: float) -> bool:
        """Whether nothing from here on is wanted."""
        end = self._sampling.end
        return end is not None and media_time >= end - _ROUNDING

    def wants(self, media_time: float) -> bool:
        """Whether the frame at this time is chosen."""
        if media_time < self._start - _ROUNDING or self.is_past(media_time):
            return False
        if self._sampling.fps is None:
            return True
        tick = math.floor((media_time - self._start) * self._sampling.fps + _ROUNDING)
        if tick <= self._tick:
            return False
        self._tick = tick
        return True
