"""Hands pictures of a WebRTC peer from the event loop to the reader thread."""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

import av

from streamsel.decisions import SourceCounters

_MOST_WAITING = 8


class Received(NamedTuple):
    """A picture, and whether it may show a packet loss."""

    image: av.VideoFrame
    is_suspect: bool


class Reception:
    """Holds the newest pictures until they are taken; drops the oldest. Thread-safe.

    Counts all pictures, taken or not. ``ended`` is the reason of the end.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._waiting: deque[Received] = deque(maxlen=_MOST_WAITING)
        self.received = 0
        self._decoded = 0
        self._damaged = 0
        self.ended: str | None = None

    def put(self, image: av.VideoFrame, *, is_suspect: bool) -> None:
        """Add a picture."""
        with self._change:
            self._decoded += 1
            self._waiting.append(Received(image, is_suspect))
            self._change.notify_all()

    def counters(self) -> SourceCounters:
        """Return the counters so far."""
        return SourceCounters(self.received, self._decoded, self._damaged)

    def count_loss(self) -> None:
        """Count a loss."""
        with self._change:
            self._damaged += 1

    def end(self, reason: str) -> None:
        """End the reception; only the first reason counts."""
        with self._change:
            self.ended = self.ended or reason
            self._change.notify_all()

    def take(self, within: float) -> Received | None:
        """Return the oldest picture; None on timeout or after the end."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self.ended is not None, within)
            return self._waiting.popleft() if self._waiting else None
