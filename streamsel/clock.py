"""Clocks: the only module that reads the system time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time, and a monotonic time."""

    def wall(self) -> float:
        """UTC epoch seconds."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""


class SystemClock:
    """The system's clocks."""

    def wall(self) -> float:
        """UTC epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        return time.monotonic()


EARLIEST = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
"""UTC epoch seconds before which a system clock must be wrong."""


@dataclass(frozen=True, slots=True)
class Correction:
    """How to correct times recorded while the system clock was wrong.

    Add ``seconds`` to times after ``after`` and up to ``until`` (UTC epoch seconds).
    """

    after: float
    until: float
    seconds: float


class GuardedClock:
    """A clock that never returns impossible wall times; safe from any thread.

    A machine without a clock battery starts in 1970, or at its build date. Until its clock is set,
    wall time continues from :attr:`floor` at the pace of the monotonic time. Events so keep their
    order, and one :attr:`correction` fixes all their times later.
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
        """UTC epoch seconds, as accurate as known."""
        wall = self._clock.wall()
        if wall >= EARLIEST and self._began is None:
            return wall
        with self._lock:
            now = self._clock.monotonic()
            if self._began is None:
                if wall >= EARLIEST:
                    return wall  # another thread was first
                self._began = now
            told = self.floor + 1.0 + now - self._began
            if wall < EARLIEST:
                return told
            self._began = None
            self._correction = Correction(self.floor, told, wall - told)
            self.floor = max(self.floor, wall)
            return wall

    def begin_after(self, newest: float) -> None:
        """Start at ``newest``, the newest time recorded before, while the system clock is wrong.

        Call this before recording any time that needs correction.
        """
        with self._lock:
            self.floor, self._began = max(EARLIEST, newest), None

    @property
    def is_wrong(self) -> bool:
        """Whether the system clock is known to be wrong now."""
        return self._clock.wall() < EARLIEST

    @property
    def correction(self) -> Correction | None:
        """How to correct times recorded while the clock was wrong; None while it is."""
        self.wall()
        return self._correction
