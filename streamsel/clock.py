"""Clocks: the only module that reads the system time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells wall time and a time that never steps back."""

    def wall(self) -> float:
        """UTC epoch seconds."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> float:
        """UTC epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        return time.monotonic()


EARLIEST = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
"""UTC epoch seconds before which nothing of this can have run: a clock that says so is wrong."""


@dataclass(frozen=True, slots=True)
class Correction:
    """How far off times were that were told while the machine's clock was wrong.

    Those after ``after`` up to ``until`` (UTC epoch seconds) are to be ``seconds`` later.
    """

    after: float
    until: float
    seconds: float


class GuardedClock:
    """A clock that tells no time that cannot be; safe from any thread.

    A machine without a battery wakes in 1970, or when it was built. Until its clock is set, wall
    time goes on from :attr:`floor`, as the monotonic time does: so it is some time at least, in
    the order of events, and all of it can be put right later by one :attr:`correction`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began: float | None = None
        self._correction: Correction | None = None
        self.floor = EARLIEST

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        return self._clock.monotonic()

    def wall(self) -> float:
        """UTC epoch seconds, as well as they can be known."""
        wall = self._clock.wall()
        if wall >= EARLIEST and self._began is None:
            return wall
        with self._lock:
            now = self._clock.monotonic()
            if self._began is None:
                if wall >= EARLIEST:
                    return wall  # another thread has seen it first
                self._began = now
            told = self.floor + 1.0 + now - self._began
            if wall < EARLIEST:
                return told
            self._began = None
            self._correction = Correction(self.floor, told, wall - told)
            self.floor = max(self.floor, wall)
            return wall

    def begin_after(self, newest: float) -> None:
        """Tell nothing earlier than this, the newest time that was told before, while in doubt.

        To be called before any time is told that is to be put right.
        """
        with self._lock:
            self.floor, self._began = max(EARLIEST, newest), None

    @property
    def is_wrong(self) -> bool:
        """Whether the machine's clock is known to be wrong, now."""
        return self._clock.wall() < EARLIEST

    @property
    def correction(self) -> Correction | None:
        """What times are to be put right by that were told in doubt; None while that lasts."""
        self.wall()
        return self._correction
