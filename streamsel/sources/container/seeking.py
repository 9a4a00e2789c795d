"""Seeks to frames by timestamp and decodes them again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from itertools import groupby

import av

from streamsel.frame import Frame
from streamsel.interfaces.concurrency import OrderedMap
from streamsel.sources.container.seek_index import SeekIndex
from streamsel.sources.decode.attempts import TroubleError, require_intact
from streamsel.sources.decode.copying import Copier
from streamsel.sources.decode.frames import FrameReader
from streamsel.sources.decode.video_reader import VideoReader


class Finder:
    """Decodes frames again: the frames of one GOP with one decoder, GOPs in parallel."""

    def __init__(
        self,
        open_session: Callable[[], VideoReader],
        read: Callable[[VideoReader], FrameReader],
        seek_index: SeekIndex,
        ahead: OrderedMap,
    ) -> None:
        """``open_session`` opens the video again; ``read`` converts its pictures to frames."""
        self._open_session = open_session
        self._read = read
        self._seek_index = seek_index
        self._ahead = ahead
        self._sessions: dict[int, VideoReader] = {}
        self._stack = ExitStack()

    def find(self, wanted: Sequence[int]) -> Generator[Frame, None, None]:
        """Yield the frames of these ascending indices.

        If a frame differs from its first decoding, the frames left of its GOP are omitted; so the
        caller must compare indices.
        """
        runs = groupby(wanted, key=self._seek_index.key_before)
        found = self._ahead.run(
            self._take,
            ((key, tuple(indices)) for key, indices in runs),
            lambda frame: frame.picture.held_bytes,
        )
        with self._stack, closing(found):
            yield from found

    def _take(self, slot: int, run: tuple[int, Sequence[int]]) -> Iterator[Frame]:
        """Yield frames of one GOP up to the first that differs from its first decoding."""
        session, seek_index = self._session_of(slot), self._seek_index
        key, indices = run
        try:
            session.seek(seek_index.pts(key))
        except av.FFmpegError:
            return
        reading = self._read(session)
        due: int | None = None
        for image in _undamaged(session):
            index = seek_index.index_of(image)
            if due is None and (index is None or index < key):
                continue  # before the keyframe: an earlier GOP, or leading pictures
            if index is None or index != (key if due is None else due):
                return
            if not seek_index.is_same(image, index):
                return
            due = index + 1
            if index in indices:
                yield reading.frame(index, image, seek_index.time(index))
            if index == indices[-1]:
                return

    def _session_of(self, slot: int) -> VideoReader:
        """Return the session of a worker; a new one each time if its decoder leaves holes."""
        known = self._sessions.get(slot)
        if known is not None and (known.is_remote or not known.leaves_holes):
            return known
        if known is not None:
            known.close()
        session = self._stack.enter_context(self._open_session())
        if session.leaves_holes:
            session.copier = Copier() if known is None else known.copier
        session.prime_by_reading()
        self._sessions[slot] = session
        return session


def _undamaged(session: VideoReader) -> Iterator[av.VideoFrame]:
    """Decode from the session's position; end at the first error or corrupt picture."""
    with suppress(TroubleError):
        yield from require_intact(_without_failure(session))


def _without_failure(session: VideoReader) -> Iterator[av.VideoFrame]:
    failures = session.failures
    for image in session.images():
        if session.failures != failures:
            raise TroubleError
        yield image
