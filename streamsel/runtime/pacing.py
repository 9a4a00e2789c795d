"""Paces frames that arrive in bursts, by their timestamps."""

from __future__ import annotations

import math

from streamsel.decisions import Rhythm

_SLOWEST = 1.05
"""Minimum speed of a feed relative to its sender, so that no lag stays."""
_BURSTS_APART = 0.25
"""Seconds without a frame after which the next one may start a burst."""


class Pacer:
    """Schedules each frame of one session; call in stream order.

    A segment of a playlist, or data held up by the network, arrives at once: frames that are early
    by their own timestamps may wait for room, so that none is dropped. A frame that is due is
    passed on with or without room. So a machine that cannot keep up lags by one burst at most, and
    drops the oldest frames.

    >>> pacer = Pacer(Rhythm(speed=4.0))
    >>> [pacer.turn(media_time, now=0.0, waited=0.0) for media_time in (0.0, 2.1)]
    [(0.0, 0.0), (0.525, 2.0)]
    """

    def __init__(self, rhythm: Rhythm) -> None:
        """``rhythm`` has a speed."""
        self._speed = rhythm.speed or math.inf
        self._is_finite = rhythm.is_finite
        self._earliest = self._latest = self._media_time = -math.inf

    def turn(self, media_time: float, now: float, waited: float) -> tuple[float, float]:
        """Return when to pass on the next frame, and until when it may wait for room.

        Both in monotonic seconds, like ``now``, the time of arrival; frames of a file may wait for
        ever. ``waited`` is how long the frame waited already, in seconds.
        """
        is_first = self._earliest == -math.inf
        step = 0.0 if is_first else max(0.0, media_time - self._media_time)
        self._media_time = media_time
        earliest = self._earliest + step / self._speed
        # A file catches up after a delay; a sender that was late continues from there.
        self._earliest = earliest if self._is_finite and not is_first else max(earliest, now)
        self._latest += step / _SLOWEST
        # Only a pause of the sender restarts the schedule; after a delay of the machine frames are
        # overdue.
        if is_first or waited >= _BURSTS_APART:
            self._latest = max(self._latest, now)
        return self._earliest, math.inf if self._is_finite else max(self._latest, self._earliest)
