"""Bounds the memory held by decoded pictures."""

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
    """Shrinks the oldest held pictures when all together exceed a number of bytes.

    Most pictures are released early: their frames are refused or covered. The few that wait longer,
    in a look-ahead block or as witnesses, are dropped oldest first; a dropped picture of a kept
    frame is decoded again. If that is not possible, ``encode`` is given: pictures are then encoded
    first, and dropped only if even their files exceed the budget. Pictures taken by a sink for
    writing do not count. Safe from many threads: one at a time counts and sweeps, the
    others continue without waiting for a lock.

    Cost: amortised constant time per picture, plus encoding.
    """

    def __init__(
        self,
        limit_bytes: int = DEFAULT_PICTURE_BYTES,
        encode: Callable[[Picture], EncodedPicture] | None = None,
    ) -> None:
        self._limit = limit_bytes
        self._encode = encode
        self._arrived: deque[tuple[weakref.ref[Picture], int]] = deque()
        self._held: deque[weakref.ref[Picture]] = deque()
        self._bytes_since_sweep = 0
        self._counting = threading.Lock()

    def hold(self, picture: Picture) -> None:
        """Count a picture, and shrink older ones if the limit requires it."""
        self._arrived.append((weakref.ref(picture), picture.held_bytes))
        if self._counting.acquire(blocking=False):
            try:
                self._count()
            finally:
                self._counting.release()

    def _count(self) -> None:
        while self._arrived:
            ref, held_bytes = self._arrived.popleft()
            self._held.append(ref)
            self._bytes_since_sweep += held_bytes
        # A sweep leaves at most half of the limit, so the next one follows after the other half.
        if self._bytes_since_sweep > self._limit // 2:
            self._sweep()

    def _sweep(self) -> None:
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
        self._held.extend(weakref.ref(picture) for picture in alive if picture.held_bytes)

    def _compress(self, picture: Picture) -> None:
        if self._encode is None:
            return
        # A picture that cannot be encoded is dropped; the sink reports its frame as lost.
        with suppress(SourceError):
            picture.encode(self._encode)
