"""Reads the MPEG-TS segments of an HLS playlist as a file that ends with each of them.

ffmpeg hands out the last picture of MPEG-TS when the next one begins or the file ends. Its own
reader joins the segments, so that picture would be a target duration late.
"""

from __future__ import annotations

import http.client
import math
from collections.abc import Callable

from streamsel.clock import Clock
from streamsel.errors import RefusedError, SourceError
from streamsel.sources.live.hls_client import HlsClient
from streamsel.sources.live.playlist import MediaPlaylist
from streamsel.sources.live.transport_stream import (
    PACKET,
    SYNC,
    ends_padded,
    is_transport_stream,
    video_pid,
)
from streamsel.sources.live.unopened import no_answer

_HEAD_BYTES = 1024 * PACKET
"""The first picture of a segment must begin within this many bytes."""
_TAIL_BYTES = 512 * PACKET
"""The last packet of a picture must lie within this many bytes of the end, among sound."""
_ENOUGH_WHOLE = 3
"""Number of segments known to end with a picture after which one in doubt is believed to."""
_MOST_USELESS = 3
"""Number of segments in a row that may be empty or of another kind."""


class SegmentReader:
    """A file-like object over the segments of a playlist: the newest, then as they are published.

    It is at its end after each segment that ends with a picture, and continues after
    :meth:`advance`. A segment that ends within one, or was received in part, is joined with the
    next. Segments that cannot be opened are skipped.
    """

    def __init__(
        self,
        where: str,
        client: HlsClient,
        listed: MediaPlaylist,
        patience: float,
        clock: Clock,
        wait: Callable[[float], bool],
    ) -> None:
        """``listed`` was just loaded; ``patience`` is how many seconds to wait for a segment.

        ``wait`` waits a number of seconds; it returns True at once when the feed is stopped.
        """
        self._where = where
        self._client = client
        self._listed = listed
        self._patience = patience
        self._clock = clock
        self._wait = wait
        self._next = listed.end - 1
        # The age of the newest segment is unknown.
        self._due = clock.monotonic() + listed.interval / 2
        self._answer: http.client.HTTPResponse | None = None
        self._ahead = self._tail = b""
        self._size = self._whole = self._useless = 0
        self._waited = 0.0
        self._error: SourceError | None = None
        self.is_at_end = False
        """Whether it ends here, until :meth:`advance`."""
        self.pid: int | None = None
        """The elementary stream with the pictures."""

    def begin(self) -> bool:
        """Open the newest segment; return False if that fails, or if it is not video in MPEG-TS."""
        if not self._open_listed(math.inf):
            return False
        while (
            len(self._ahead) < _HEAD_BYTES
            and not self._wait(0.0)
            and (piece := self._receive(_HEAD_BYTES))
        ):
            self._ahead += piece
            if len(self._ahead) > PACKET and not is_transport_stream(self._ahead):
                return False
            self.pid = video_pid(self._ahead)
            if self.pid is not None:
                return True
        return False

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; none at the end, until :meth:`advance`."""
        if self._ahead:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            return piece
        while not self.is_at_end:
            if self._wait(0.0):
                self.is_at_end = True
                break
            try:
                if piece := self._receive(size):
                    return piece
                self.is_at_end = self._ends_whole() or not self._open_next()
            except SourceError as error:
                # The caller is ffmpeg, which would replace the exception.
                self.is_at_end, self._error = True, error
        return b""

    def advance(self) -> bool:
        """Continue with the next segment; return False at the end of the playlist or the feed.

        Raises :class:`SourceError` if none is published in time, or if reading failed before.
        """
        if self._error is not None:
            raise self._error
        self.is_at_end = not self._open_next()
        return not self.is_at_end

    def close(self) -> None:
        """Hang up."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _receive(self, size: int) -> bytes:
        """The next bytes of a segment; none at its end, or if it is lost or of another kind."""
        if self._answer is None:
            return b""
        began = self._clock.monotonic()
        try:
            piece = self._answer.read1(size)
        except (OSError, ValueError, http.client.HTTPException):
            self.close()
            return b""
        self._waited += self._clock.monotonic() - began
        if self._waited > self._patience:
            raise self._lost(no_answer(self._patience))
        if piece and not self._size and piece[0] != SYNC:
            self.close()
            return b""
        self._size += len(piece)
        self._tail = (self._tail + piece)[-_TAIL_BYTES:]
        return piece

    def _ends_whole(self) -> bool:
        """Whether all of the segment was received, and it ends with the end of a picture."""
        is_broken = self._answer is None or bool(self._answer.length)
        if is_broken or self.pid is None or self._size % PACKET:
            return False
        is_padded = ends_padded(self._tail, self.pid)
        if is_padded:
            self._whole += 1
        # One PES packet in 184 fills its last packet exactly. No packet of it: it holds no picture.
        return is_padded is not False or self._whole >= _ENOUGH_WHOLE

    def _open_next(self) -> bool:
        """Open the next segment once it is listed; False at the end of the playlist or the feed."""
        self.close()
        self._useless = 0 if self._size else self._useless + 1
        if self._useless > _MOST_USELESS:
            raise self._lost("its segments are empty, or no MPEG-TS")
        began, why = self._clock.monotonic(), no_answer(self._patience)
        while not self._open_listed(began + self._patience):
            if self._listed.is_ended or self._wait(max(0.0, self._due - self._clock.monotonic())):
                return False
            if self._clock.monotonic() - began > self._patience:
                raise self._lost(why)
            try:
                self._reload()
            except RefusedError as error:
                raise self._lost(str(error)) from None
            except SourceError as error:
                why = str(error)
            if self._listed.segments and not self._listed.is_plain:
                raise self._lost("its playlist lists segments of another kind now")
        return True

    def _open_listed(self, until: float) -> bool:
        """Open the next of the listed segments that can be opened; give up at a monotonic time."""
        self._next = max(self._next, self._listed.first)
        while self._next < self._listed.end and self._clock.monotonic() <= until:
            if self._wait(0.0):
                return False
            segment = self._listed.segments[self._next - self._listed.first]
            self._next += 1
            try:
                self._answer = self._client.open(segment.url)
            except SourceError:
                continue
            self._tail, self._size, self._waited = b"", 0, 0.0
            return True
        return False

    def _reload(self) -> None:
        """Reload the playlist, and set the time of the next reload."""
        began = self._clock.monotonic()
        wait = self._listed.interval / 2
        is_late = began - self._due > wait / 2
        self._due = (began if is_late else self._due) + wait
        listed = self._client.reload()
        if listed.end + len(listed.segments) < self._next:
            # Too far back for a stale copy of the playlist: the numbers begin again.
            self._next = listed.end - 1
        new = listed.end - max(self._next, listed.first)
        self._listed = listed
        if new == 1:  # in step with the sender
            self._due += wait

    def _lost(self, why: str) -> SourceError:
        return SourceError(f"{self._where} was lost: {why}")
