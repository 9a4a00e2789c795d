"""Plays a file as a live feed, for demonstrations, tests and benchmarks."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import closing

from streamsel.choices import FeedDecode
from streamsel.clock import Clock
from streamsel.decisions import Rhythm, SourceCounters
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.sources.file import FileSource
from streamsel.sources.live.camera import as_received
from streamsel.sources.live.watched_address import FileAddress

_LOG = logging.getLogger("streamsel.feeds")


class WatchedFile:
    """Plays a file once, at a pace; a ``LiveSource``.

    Its frames are those of a :class:`FileSource`, numbered on as for a camera, with the time of
    reading as wall time.
    """

    def __init__(
        self,
        feed: str,
        address: FileAddress,
        clock: Clock,
        *,
        fps: float | None,
        filters: str | None,
        decode: FeedDecode,
        mask: tuple[str, ...],
    ) -> None:
        """See :class:`FileSource` for the options."""
        self._feed = feed
        self._address = address
        self._clock = clock
        self._file = FileSource(
            feed, str(address.path), fps=fps, filters=filters, decode=decode, mask=mask
        )
        self._read = 0
        self._stopped = False

    @property
    def feed(self) -> str:
        """Unique name of the feed within a service."""
        return self._feed

    @property
    def address(self) -> str:
        """The file, and its pace."""
        return str(self._address)

    @property
    def is_push(self) -> bool:
        """False: it opens its file."""
        return False

    @property
    def rhythm(self) -> Rhythm:
        """Its pace; no frame is dropped."""
        return Rhythm(speed=self._address.pace, is_finite=True)

    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Read the file once; see ``streamsel.interfaces.sources.LiveSource``.

        An error after the first frame ends the session with a warning.
        """
        index = start
        try:
            with closing(self._file.frames()) as frames:
                for frame in frames:
                    if self._stopped:
                        return
                    self._read += 1
                    yield as_received(frame, index, media_time, self._clock, is_suspect=False)
                    index += 1
        except SourceError as error:
            if index == start:
                raise
            _LOG.warning("%s; the feed ends there", error)
        for warning in self._file.warnings():
            _LOG.warning("feed '%s': %s: %s", self._feed, self.address, warning)

    def tally(self) -> SourceCounters:
        """Return the counters so far. Safe from any thread."""
        return SourceCounters(self._read, self._read, 0)

    def stop(self) -> None:
        """End the session at the next frame, permanently. Safe from any thread."""
        self._stopped = True
        self._file.stop()
