"""Predicts whether a segment of a playlist needs pictures of the one before."""

from __future__ import annotations

from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.decode.random_access import RandomAccess

_ENOUGH = 3
"""How many segments in a row must have begun with a clean break for the next to be expected to."""


class CleanBreaks:
    """Watches how segments begin: with pictures that need no earlier ones, or not.

    One segment that does not, and none is expected to any more: it may be that only some do.
    """

    def __init__(self, random_access: RandomAccess) -> None:
        self._random_access = random_access
        self._begins = True
        self._clean = 0
        self._are_clean = True

    def check(self, packet: Packet[VideoStream]) -> None:
        """Look at each packet, in decoding order."""
        if self._begins and self._are_clean:
            self._are_clean = self._random_access.is_clean_break(packet)
            self._clean += 1
        self._begins = False

    def end(self) -> bool:
        """End a segment; return whether the next one is expected to need nothing of it."""
        self._begins = True
        return self._are_clean and self._clean >= _ENOUGH
