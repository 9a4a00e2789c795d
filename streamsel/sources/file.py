"""A video as a source: a file, or a file behind an http(s) URL."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Generator, Iterator, Sequence
from functools import cached_property

import av

from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.sources.address import is_url
from streamsel.sources.decode import Session
from streamsel.sources.filters import FilterChain
from streamsel.sources.fingerprint import fingerprint_of
from streamsel.sources.masking import mask
from streamsel.sources.reading import Reading
from streamsel.sources.sampling import Sampling
from streamsel.sources.trail import Trail

COUNTED_BYTES = 1 << 28


class FileSource:
    """Reads a video through PyAV, in one thread, each frame once and in presentation order.

    ``address`` is a path or an http(s) URL. ``start`` and ``end`` (seconds of media time) and
    ``fps`` choose among the frames without renumbering them: an index is the frame's position as
    the decoder, or the filter chain, puts frames out, so a frame has the same name whatever else
    is asked for. ``filters`` is an ffmpeg filter chain; pictures are upright before it. Raises
    :class:`ConfigurationError` for a chain that ffmpeg refuses.
    """

    def __init__(
        self,
        feed: str,
        address: str,
        *,
        start: float | None = None,
        end: float | None = None,
        fps: float | None = None,
        filters: str | None = None,
        threads: int = 1,
    ) -> None:
        self._feed = feed
        self._location = address
        self._sampling = Sampling(start, end, fps)
        self._filters = filters
        self._keeps_rate = FilterChain(filters).keeps_rate if filters is not None else True
        self._threads = threads
        self._trail = Trail()
        self._warnings: tuple[str, ...] = ()
        self._reading: Reading | None = None
        self._stopped = False

    @property
    def feed(self) -> str:
        """Unique name of the feed within a run."""
        return self._feed

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""
        return mask(self._location)

    @cached_property
    def expected_frames(self) -> int | None:
        """How many frames will come, as far as that can be known before they are read.

        The container's count, or the number of packets, fitted to what is asked for: an estimate
        where frames are chosen by time. None for what cannot be opened, for filters that change
        the rate, and for a URL without a count. Counting packets costs 0.025 ms each, once; a
        file above 256 MB without a count is estimated from its length and rate instead.
        """
        if not self._keeps_rate:
            return None
        try:
            with self._open() as session:
                frames = self._count(session)
                seconds = session.declared_seconds
        except SourceError:
            return None
        return None if frames is None else self._sampling.expected(frames, seconds)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frames from index ``start`` on, exactly as a reading from 0 would.

        Frames before ``start`` are decoded and let go. Raises :class:`SourceError` when the video
        cannot be opened or is lost, :class:`UnreadableError` when nothing could be decoded.
        """
        chooser = self._sampling.chooser()
        with self._open() as session:
            reading = self._reading = self._read(session)
            at_end = False
            try:
                for frame in self._remembered(reading):
                    if chooser.is_past(frame.media_time):
                        return
                    if chooser.wants(frame.media_time) and frame.key.index >= start:
                        yield frame
                if self._stopped:
                    return
                reading.require_pictures()
                at_end = not reading.is_cut_short
            finally:
                self._reading = None
                self._warnings = reading.warnings(at_end=at_end)

    def fetch(self, indices: Collection[int]) -> Iterator[Frame]:
        """Decode exactly these frames again, in ascending order of index.

        Frames seen by :meth:`frames` are sought by their timestamp where timestamps allow it, and
        what is decoded is compared with what was seen; if anything differs, and for frames not
        seen before and filtered ones, the video is decoded from its beginning. Raises
        :class:`SourceError` where a frame is not there any more.
        """
        wanted = deque(sorted(set(indices)))
        if wanted and self._filters is None and self._trail.can_seek(wanted[-1]):
            with self._open() as session:
                yield from self._seek(session, wanted)
        if not wanted:
            return
        with self._open() as session:
            for frame in self._remembered(self._read(session)):
                if frame.key.index == wanted[0]:
                    wanted.popleft()
                    yield frame
                    if not wanted:
                        return
        if self._stopped:
            return
        raise SourceError(
            f"{self._where}: frame {wanted[0]} is not there any more; was it replaced?"
        )

    @property
    def fingerprint(self) -> str:
        """The file's size and a hash of its first 64 KiB; empty for a URL."""
        return "" if is_url(self._location) else fingerprint_of([self._location])

    def stop(self) -> None:
        """Let ``frames`` or ``fetch`` end at the next frame, for good. Safe from any thread."""
        self._stopped = True

    def warnings(self) -> Sequence[str]:
        """What was wrong with the video without ending it, so far."""
        return self._reading.warnings(at_end=False) if self._reading else self._warnings

    @property
    def _where(self) -> str:
        return f"feed '{self._feed}': {self.address}"

    def _open(self) -> Session:
        return Session(self._where, self._location, threads=self._threads)

    def _read(self, session: Session) -> Reading:
        return Reading(self._feed, self._where, session, self._filters)

    def _count(self, session: Session) -> int | None:
        if session.declared_frames is not None:
            return session.declared_frames
        if session.size_bytes <= COUNTED_BYTES and not is_url(self._location):
            return session.count_packets()
        if session.declared_seconds is None or session.rate is None:
            return None
        return round(session.declared_seconds * session.rate)

    def _remembered(self, reading: Reading) -> Iterator[Frame]:
        """Yield the frames of a reading, and keep what is needed to find them again."""
        for frame in reading.frames():
            if self._stopped:
                return
            image = frame.picture.image
            if self._filters is None and image is not None and frame.key.index == len(self._trail):
                self._trail.add(image, frame.media_time)
            yield frame

    def _seek(self, session: Session, wanted: deque[int]) -> Iterator[Frame]:
        """Take frames off ``wanted`` and yield them, until one is not found as it was seen."""
        trail, reading = self._trail, self._read(session)
        images: Iterator[av.VideoFrame] = iter(())
        due: int | None = None
        while wanted:
            key = trail.key_before(wanted[0])
            if due is None or key > due:
                try:
                    session.seek(trail.pts(key))
                except av.FFmpegError:
                    return
                images, due = session.images(), None
            for image in images:
                index = trail.index_of(image)
                if due is None and (index is None or index < key):
                    continue  # the seek went further back, or these depend on what lies before
                frame = None if index is None else reading.frame(index, image, trail.time(index))
                if frame is None or index != (key if due is None else due):
                    return
                if frame.picture.image is None or not trail.is_same(frame.picture.image, index):
                    return
                due = index + 1
                if index == wanted[0]:
                    wanted.popleft()
                    yield frame
                    break
            else:
                return
