"""A bound on the memory that decoded pictures may hold."""

from __future__ import annotations

import threading
import weakref
from collections import deque

from streamsel.frame import Picture

DEFAULT_PICTURE_BYTES = 192 * 2**20


class PictureBudget:
    """Drops the oldest pictures still held once all of them exceed a number of bytes.

    Most pictures die young: their frames are refused or covered. The few that wait longer, in a
    look-ahead block or as witnesses, are dropped oldest first; a dropped picture whose frame is
    kept after all is decoded again. What a sink took for writing is its own to count.

    Cost: amortised constant time per picture.
    """

    def __init__(self, limit_bytes: int = DEFAULT_PICTURE_BYTES) -> None:
        self._limit = limit_bytes
        self._held: deque[weakref.ref[Picture]] = deque()
        self._bytes_since_sweep = 0
        self._lock = threading.Lock()

    def hold(self, picture: Picture) -> None:
        """Count a picture in, dropping older ones where the limit asks for it."""
        with self._lock:
            self._held.append(weakref.ref(picture))
            self._bytes_since_sweep += picture.held_bytes
            # A sweep leaves at most half of the limit, so the next one is as far away.
            if self._bytes_since_sweep > self._limit // 2:
                self._sweep()

    def _sweep(self) -> None:
        alive = [picture for ref in self._held if (picture := ref()) and picture.held_bytes]
        total = sum(picture.held_bytes for picture in alive)
        keep_from = 0
        while total > self._limit // 2:
            total -= alive[keep_from].held_bytes
            alive[keep_from].drop()
            keep_from += 1
        self._held = deque(weakref.ref(picture) for picture in alive[keep_from:])
        self._bytes_since_sweep = 0
