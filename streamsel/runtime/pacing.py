"""Paces frames that arrive in bursts, by their timestamps."""

from __future__ import annotations

import math

from streamsel.decisions import Rhythm

_SLOWEST = 1.05
"""How much faster than its sender a feed goes at least, so that no lag stays."""
_BURSTS_APART = 0.25
"""Seconds without a frame after which the next one may begin a burst."""


class Pacer:
    """Gives each frame of one session its turn; ask in stream order.

    A segment of a playlist, or what a network held up, comes at once: as long as its frames are
    early by their own timestamps, they may wait for room, so that none gives way. A frame that is
    due is late for all that is known, and is passed on whether there is room or not: so a machine
    that cannot keep up lags by no more than one burst, and drops the oldest.

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
        """Return when the next frame may be passed on, and until when it may wait for room.

        Both in monotonic seconds, as ``now`` is, when it came; a file's may wait for ever. It was
        ``waited`` for so long.
        """
        is_first = self._earliest == -math.inf
        step = 0.0 if is_first else max(0.0, media_time - self._media_time)
        self._media_time = media_time
        earliest = self._earliest + step / self._speed
        # A file catches up with what it missed; a sender was late, and goes on from there.
        self._earliest = earliest if self._is_finite and not is_first else max(earliest, now)
        self._latest += step / _SLOWEST
        # Only what its sender kept waiting begins anew: what the machine is late with is overdue.
        if is_first or waited >= _BURSTS_APART:
            self._latest = max(self._latest, now)
        return self._earliest, math.inf if self._is_finite else max(self._latest, self._earliest)
