"""The source of a live feed: numbers and times its frames across sessions."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import replace

from streamsel.clock import Clock
from streamsel.decisions import Rhythm, SourceCounters
from streamsel.errors import SourceError
from streamsel.frame import Frame, FrameKey
from streamsel.libav import ends_as_source_error
from streamsel.sources.decode.frames import FrameReader
from streamsel.sources.decode.sampling import Sampling
from streamsel.sources.decode.shown import as_shown
from streamsel.sources.live.connection import Connection, LiveOptions
from streamsel.sources.live.packet_ring import PacketRing
from streamsel.sources.live.pull import PullSource
from streamsel.sources.matrices import replaced

_LOG = logging.getLogger("streamsel.feeds")
_STANDS_STILL = "its clock stands still; its pictures are timed by arrival"


class CameraSource(PullSource):
    """Reads a camera, a device or a stream through PyAV; a ``LiveSource``.

    Indices count the frames that are processed. Times continue by the sender's clock from the start
    of a session; steps back and jumps are bridged.
    """

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
        super().__init__(feed, address)
        self._options = options
        self._clock = clock
        self._ring = ring
        self._turn = turn
        # One value, so that whoever asks from another thread sees both or neither of its parts.
        self._counting: tuple[SourceCounters, Connection | None] = (SourceCounters(), None)
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
        where = self._where
        index, warned, is_standing = start, False, False
        with self._connect(where) as connection:
            self._rhythm = connection.rhythm
            interval = 1 / connection.rate if connection.rate else None
            chooser = Sampling(fps=self._options.fps).chooser(interval)
            self._counting = self.tally(), connection
            try:
                reading = FrameReader(self._feed, where, connection, self._options.filters)
                for frame in reading.frames(map(as_shown, connection.images())):
                    is_suspect = connection.take_suspicion()
                    warned = warn(where, reading, warned)
                    if connection.clock_stands_still and not is_standing:
                        is_standing = True
                        _LOG.warning("%s: %s", where, _STANDS_STILL)
                    if self._stopped.is_set():
                        return
                    if chooser.wants(frame.media_time):
                        yield as_received(
                            frame, index, media_time, self._clock, is_suspect=is_suspect
                        )
                        index += 1
            finally:
                self._counting = self.tally(), None
        if not self._stopped.is_set():
            raise SourceError(f"{where}: its filter chain lets nothing more pass; see trim in it")

    def tally(self) -> SourceCounters:
        """Return the counters so far, over all sessions. Safe from any thread."""
        earlier, connection = self._counting
        if connection is None:
            return earlier
        return SourceCounters(
            earlier.received + connection.received,
            earlier.decoded + connection.decoded,
            earlier.damaged + connection.damaged,
        )

    def _connect(self, where: str) -> Connection:
        return Connection(
            where,
            self._location,
            self._options,
            self._clock,
            self._ring,
            self._stopped,
            self._turn,
        )


def warn(where: str, reading: FrameReader, warned: bool) -> bool:
    """Say once in a session that its colours are not quite what was sent; whether it was said."""
    if warned or reading.matrix is None:
        return warned
    _LOG.warning("%s: %s", where, replaced(reading.matrix))
    return True


def as_received(
    frame: Frame, index: int, media_time: float, clock: Clock, *, is_suspect: bool
) -> Frame:
    """A frame of a session in its place of the feed: it came now, and the session began then."""
    return replace(
        frame,
        key=FrameKey(frame.key.feed, index),
        media_time=media_time + frame.media_time,
        wall_time=clock.wall(),
        received=clock.monotonic(),
        corrupt=frame.corrupt or is_suspect,
    )
