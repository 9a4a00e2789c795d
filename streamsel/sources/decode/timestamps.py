"""Media time from pts: fills gaps, bridges jumps.

Media time is seconds since the feed's first frame and never steps back. A frame without a pts is
placed one average frame interval after its predecessor. So is a frame with a pts before its
predecessor's (concatenated streams, a counter that wrapped) or too far after it; later frames are
counted from there. The longest step depends on the container, as in ffmpeg: 5 s if its clock is
known to jump (MPEG-TS, MPEG-PS), else 30 h, because a picture may be shown for long. Frames of a
live sender without timestamps are timed by their arrival.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from streamsel.clock import Clock

DISCONTINUOUS_STEP = 5.0
CONTINUOUS_STEP = 30 * 3600.0
_DEFAULT_RATE = 25
_STANDING_FRAMES = 10
_STANDING_SECONDS = 2.0
"""The clock stands still after this many frames, and seconds, with one timestamp."""
_MICROSECOND = Fraction(1, 10**6)
_RATES = (Fraction(1, 3600), Fraction(1000))


class Timeline:
    """Returns the media time of each frame of one session, in seconds. Call in presentation order.

    ``rate`` is the average frame rate; 25 if None or implausible. ``longest_step`` is the maximum
    duration of a frame in seconds. ``jumps`` counts bridged jumps, ``missing`` frames without pts.

    >>> timeline = Timeline(rate=Fraction(10), longest_step=5)
    >>> [timeline.stamp(pts, Fraction(1, 10)) for pts in (7, 8, None, 10, 3, 4)]
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    >>> timeline.jumps, timeline.missing
    (1, 1)
    """

    def __init__(self, rate: Fraction | None, longest_step: float) -> None:
        plausible = rate is not None and _RATES[0] <= rate <= _RATES[1]
        self.interval = 1 / (rate if plausible and rate else Fraction(_DEFAULT_RATE))
        self.jumps = 0
        self.missing = 0
        # Times are integers of a common tick: exact as fractions, but fast.
        self._ticks_per_second = self.interval.denominator
        self._interval = self.interval.numerator
        self._longest_step = round(longest_step * self._ticks_per_second)
        self._time_base: Fraction | None = None
        self._ticks_per_pts = 0
        self._origin: int | None = None
        self._last: int | None = None

    def stamp(self, pts: int | None, time_base: Fraction) -> float:
        """Return the media time of the next frame; never less than the previous one."""
        if time_base is not self._time_base:
            self._use(time_base)
        due = 0 if self._last is None else self._last + self._interval
        if pts is None:
            self.missing += 1
            self._last = due
            return due / self._ticks_per_second
        sent = pts * self._ticks_per_pts
        if self._origin is None:
            self._origin = sent - due
        time = sent - self._origin
        if self._last is not None and not 0 <= time - self._last <= self._longest_step:
            self.jumps += 1
            self._origin = sent - due
            time = due
        self._last = time
        return time / self._ticks_per_second

    def _use(self, time_base: Fraction) -> None:
        """Change the unit of timestamps from now on."""
        finer = lcm(self._ticks_per_second, time_base.denominator) // self._ticks_per_second
        self._ticks_per_second *= finer
        self._interval *= finer
        self._longest_step *= finer
        self._origin = None if self._origin is None else self._origin * finer
        self._last = None if self._last is None else self._last * finer
        self._time_base = time_base
        ticks_per_unit = self._ticks_per_second // time_base.denominator
        self._ticks_per_pts = time_base.numerator * ticks_per_unit


class BestTimes:
    """Chooses between a picture's pts and dts. Call in the decoder's output order.

    Containers without presentation timestamps pass the decoder others, which come out in the wrong
    order. As in ffmpeg, the one of the two that has stepped back less often is used.
    """

    def __init__(self, *, trusts_pts: bool) -> None:
        """``trusts_pts``: the container has presentation timestamps."""
        self._trusts_pts = trusts_pts
        self._shown: int | None = None
        self._decoded: int | None = None
        self._back = self._decoded_back = 0

    def of(self, pts: int | None, dts: int | None) -> int | None:
        """Return the better timestamp of a picture; None if it has no valid one."""
        if not self._trusts_pts and dts is None:
            # Only the pictures drained last lack a dts; their pts may be right.
            is_next = pts is not None and self._decoded is not None and pts > self._decoded
            self._decoded = pts if is_next else self._decoded
            return pts if is_next else None
        if not self._trusts_pts:
            self._decoded = dts
            return dts
        if dts is not None:
            self._decoded_back += self._decoded is not None and dts <= self._decoded
            self._decoded = dts
        elif pts is not None:
            self._decoded = pts
        if pts is not None:
            self._back += self._shown is not None and pts <= self._shown
            self._shown = pts
        elif dts is not None:
            self._shown = dts
        is_better = self._back <= self._decoded_back or dts is None
        return pts if is_better and pts is not None else dts


class LiveTimeline(Timeline):
    """Times frames by the sender's clock, or by arrival while that clock stands still."""

    def __init__(self, rate: Fraction | None, longest_step: float, clock: Clock) -> None:
        super().__init__(rate, longest_step)
        self._clock = clock
        self._sent: int | None = None
        self._moved = clock.monotonic()
        self._repeats = 0

    @property
    def stands_still(self) -> bool:
        """Whether at least 10 pictures, over at least 2 s, repeated one timestamp."""
        return self._repeats >= _STANDING_FRAMES

    def stamp(self, pts: int | None, time_base: Fraction) -> float:
        """Return the media time of a frame that has just arrived."""
        now = self._clock.monotonic()
        if pts is None or pts != self._sent:
            self._sent, self._moved, self._repeats = pts, now, 0
        elif self._repeats < _STANDING_FRAMES - 1 or now - self._moved >= _STANDING_SECONDS:
            self._repeats += 1
        if self.stands_still:
            return super().stamp(round(now * 1e6), _MICROSECOND)
        return super().stamp(pts, time_base)


class ArrivalTimeline(Timeline):
    """Times frames of a sender without timestamps by their arrival."""

    def __init__(self, rate: Fraction | None, longest_step: float, clock: Clock) -> None:
        super().__init__(rate, longest_step)
        self._clock = clock

    def stamp(self, pts: int | None, time_base: Fraction) -> float:
        """Return the media time of a frame that has just arrived; ignores its pts."""
        return super().stamp(round(self._clock.monotonic() * 1e6), _MICROSECOND)
