"""Hands pictures of a WebRTC peer from the event loop to the reader thread."""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

import av

_MOST_WAITING = 8


class Received(NamedTuple):
    """A picture, and whether it may show what was lost on the way."""

    image: av.VideoFrame
    is_suspect: bool


class Reception:
    """Holds the newest pictures until they are taken: what is late gives way. For any thread.

    ``decoded`` counts all that came, taken or not. Once it has ``ended``, that says why.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._waiting: deque[Received] = deque(maxlen=_MOST_WAITING)
        self.decoded = 0
        self.received = 0
        self.damaged = 0
        self.ended: str | None = None

    def put(self, image: av.VideoFrame, *, is_suspect: bool) -> None:
        """Hand over a picture."""
        with self._change:
            self.decoded += 1
            self._waiting.append(Received(image, is_suspect))
            self._change.notify_all()

    def damage(self) -> None:
        """Count a loss."""
        with self._change:
            self.damaged += 1

    def end(self, reason: str) -> None:
        """Nothing more comes; only the first reason counts."""
        with self._change:
            self.ended = self.ended or reason
            self._change.notify_all()

    def take(self, within: float) -> Received | None:
        """Return the oldest picture that waits; None where none comes in time, or ever again."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self.ended is not None, within)
            return self._waiting.popleft() if self._waiting else None

    def skip(self) -> None:
        """Forget what waits: it is older than who asks."""
        with self._change:
            self._waiting.clear()
