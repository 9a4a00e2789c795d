"""The source of a camera, a device or a stream that PyAV reads."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager

import av

from streamsel.clock import Clock
from streamsel.decisions import Rhythm
from streamsel.frame import Frame
from streamsel.libav import ends_as_source_error
from streamsel.sources.live.connection import Connection, LiveOptions
from streamsel.sources.live.packet_ring import PacketRing
from streamsel.sources.live.receiving import ReceivingSource

_LOG = logging.getLogger("streamsel.feeds")
_STANDS_STILL = "its clock stands still; its pictures are timed by arrival"


class CameraSource(ReceivingSource):
    """Reads a camera, a device or a stream through PyAV; a ``LiveSource``."""

    def __init__(
        self,
        feed: str,
        address: str,
        options: LiveOptions,
        clock: Clock,
        ring: PacketRing | None = None,
        turn: AbstractContextManager[None] | None = None,
    ) -> None:
        """``ring`` receives the packets, for clips; ``turn`` is held while one is decoded."""
        super().__init__(feed, address, options, clock)
        self._ring = ring
        self._turn = turn
        self._rhythm = Rhythm()

    @property
    def rhythm(self) -> Rhythm:
        """The rhythm of the newest session."""
        return self._rhythm

    @ends_as_source_error
    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Connect once and yield frames; see ``streamsel.interfaces.sources.LiveSource``."""
        if self._stopped.is_set():
            return
        with self._connect() as connection, self._counting(connection.counters):
            self._rhythm = connection.rhythm
            yield from self._frames(
                connection, self._images(connection), start, media_time, connection.suspicion
            )

    def _images(self, connection: Connection) -> Iterator[av.VideoFrame]:
        """Yield the pictures of a session; warn once if its clock stands still."""
        has_warned = False
        for image in connection.images():
            yield image
            if connection.clock_stands_still and not has_warned:
                has_warned = True
                _LOG.warning("%s: %s", self._where, _STANDS_STILL)

    def _connect(self) -> Connection:
        return Connection(
            self._where,
            self._location,
            self._options,
            self._clock,
            self._ring,
            self._stopped,
            self._turn,
        )
