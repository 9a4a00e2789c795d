"""Plays a file as a live feed, for demonstrations, tests and benchmarks."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import closing

from streamsel.choices import FeedDecode
from streamsel.clock import Clock
from streamsel.decisions import Rhythm
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.sources.file import FileSource
from streamsel.sources.live.counted import CountedSource
from streamsel.sources.live.receiving import as_received
from streamsel.sources.live.watched_address import FileAddress

_LOG = logging.getLogger("streamsel.feeds")


class WatchedFile(CountedSource):
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
        super().__init__(feed, str(address))
        self._pace = address.pace
        self._clock = clock
        self._file = FileSource(
            feed, str(address.path), fps=fps, filters=filters, decode=decode, mask=mask
        )

    @property
    def rhythm(self) -> Rhythm:
        """Its pace; no frame is dropped."""
        return Rhythm(speed=self._pace, is_finite=True)

    def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
        """Read the file once; see ``streamsel.interfaces.sources.LiveSource``.

        An error after the first frame ends the session with a warning.
        """
        index = start
        try:
            with closing(self._file.frames()) as frames:
                for frame in frames:
                    if self._stopped.is_set():
                        return
                    self._count(received=1, decoded=1)
                    yield as_received(frame, index, media_time, self._clock, is_suspect=False)
                    index += 1
        except SourceError as error:
            if index == start:
                raise
            _LOG.warning("%s; the feed ends there", error)
        for warning in self._file.warnings():
            _LOG.warning("%s: %s", self._where, warning)

    def stop(self) -> None:
        """End the session at the next frame, permanently. Safe from any thread."""
        super().stop()
        self._file.stop()
