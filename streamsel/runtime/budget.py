"""A bound on the memory that decoded pictures may hold."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from streamsel.errors import SourceError
from streamsel.frame import EncodedPicture, Picture

DEFAULT_PICTURE_BYTES = 192 * 2**20


class PictureBudget:
    """Makes the oldest pictures still held smaller once all exceed a number of bytes.

    Most pictures die young: their frames are refused or covered. The few that wait longer, in a
    look-ahead block or as witnesses, are dropped oldest first; a dropped picture whose frame is
    kept after all is decoded again. Where it cannot be, ``encode`` is given: pictures are then
    encoded first, and dropped only where even their files are too much. What a sink took for
    writing is its own to count. Safe from many threads, of which one at a time sweeps and the
    others go on.

    Cost: amortised constant time per picture, and where it is encoded the time of that.
    """

    def __init__(
        self,
        limit_bytes: int = DEFAULT_PICTURE_BYTES,
        encode: Callable[[Picture], EncodedPicture] | None = None,
    ) -> None:
        self._limit = limit_bytes
        self._encode = encode
        self._held: deque[weakref.ref[Picture]] = deque()
        self._bytes_since_sweep = 0
        self._counting = threading.Lock()
        self._sweeping = threading.Lock()

    def hold(self, picture: Picture) -> None:
        """Count a picture in, making older ones smaller where the limit asks for it."""
        with self._counting:
            self._held.append(weakref.ref(picture))
            self._bytes_since_sweep += picture.held_bytes
            # A sweep leaves at most half of the limit, so the next one is as far away.
            is_due = self._bytes_since_sweep > self._limit // 2
        if is_due and self._sweeping.acquire(blocking=False):
            try:
                self._sweep()
            finally:
                self._sweeping.release()

    def _sweep(self) -> None:
        with self._counting:
            held, self._held, self._bytes_since_sweep = self._held, deque(), 0
        alive = [picture for ref in held if (picture := ref()) and picture.held_bytes]
        excess = sum(picture.held_bytes for picture in alive) - self._limit // 2
        for shrink in (self._compress, Picture.drop):
            for picture in alive:
                if excess <= 0:
                    break
                before = picture.held_bytes
                shrink(picture)
                excess -= before - picture.held_bytes
        with self._counting:
            self._held.extendleft(weakref.ref(p) for p in reversed(alive) if p.held_bytes)

    def _compress(self, picture: Picture) -> None:
        if self._encode is None:
            return
        # One that cannot be encoded is dropped: whoever keeps its frame says that it is lost.
        with suppress(SourceError):
            picture.encode(self._encode)
