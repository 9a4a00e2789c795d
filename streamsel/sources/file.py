"""The source of a video file, local or behind an http(s) URL."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from functools import cached_property, partial

from streamsel.choices import Decode
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.interfaces.concurrency import OrderedMap
from streamsel.libav import as_source_error, ends_as_source_error
from streamsel.redaction import redact
from streamsel.sources.container.fingerprint import fingerprint_of
from streamsel.sources.container.hardware import check_device
from streamsel.sources.container.opening import ONE_THREAD, DecoderOptions
from streamsel.sources.container.seek_index import SeekIndex
from streamsel.sources.container.seeking import Finder
from streamsel.sources.covering import Areas
from streamsel.sources.decode.filters import FilterChain
from streamsel.sources.decode.frames import FrameReader
from streamsel.sources.decode.gops import Gop, Wanted
from streamsel.sources.decode.parallel import ParallelDecoder, set_up
from streamsel.sources.decode.sampling import Sampling
from streamsel.sources.decode.serial import InOrder
from streamsel.sources.decode.video import Damage
from streamsel.sources.decode.video_reader import VideoReader
from streamsel.sources.inputs import is_url
from streamsel.sources.masks import read_masks
from streamsel.sources.named import NamedSource
from streamsel.sources.recorded import recorded_at

COUNTED_BYTES = 1 << 28


class FileSource(NamedSource):
    """Reads a video through PyAV, in one thread, each frame once, in presentation order.

    ``address`` is a path or an http(s) URL; ``shown`` replaces it in messages, by default with
    credentials masked. ``start`` and ``end`` (seconds of media time) and ``fps`` select frames
    without renumbering them: an index is the frame's position as output by the decoder or the
    filter chain, so a frame has the same name with any options. ``filters`` is an ffmpeg filter
    chain, applied to upright pictures. ``decode`` selects the frames to decode, ``ahead`` the
    number of threads, which changes no frame. ``hwaccel`` names a hardware type, or ``auto``; if
    none can decode the video, software does, with a warning that says why. With ``on_gpu`` pictures
    decoded by a GPU stay in its memory, for a thumbnailer that can read them there. ``mask`` are
    privacy masks, see :func:`~streamsel.sources.masks.read_mask`; they are applied before anything
    else. Raises :class:`ConfigurationError` for a chain that ffmpeg refuses, for unknown hardware,
    and for invalid masks.
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
        decode: Decode = "all",
        hwaccel: str | None = None,
        mask: Sequence[str] = (),
        on_gpu: bool = False,
        ahead: OrderedMap | None = None,
        shown: str | None = None,
    ) -> None:
        super().__init__(feed, redact(address) if shown is None else shown)
        self._location = address
        self._sampling = Sampling(start, end, fps)
        self._filters = filters
        self._keeps_rate = FilterChain(filters).keeps_rate if filters is not None else True
        self._decode = decode
        self._areas = Areas.of(read_masks(mask))
        # Filter chains and masks need pictures in main memory.
        stays_there = on_gpu and filters is None and self._areas is None
        self._decoder = set_up(decode, hwaccel, stays_there=stays_there)
        if hwaccel is not None:
            check_device(hwaccel)
        # A URL is opened only once.
        self._ahead: OrderedMap = InOrder() if ahead is None or is_url(address) else ahead
        self._seek_index = SeekIndex()
        self._warnings: tuple[str, ...] = ()
        self._reading: FrameReader | None = None

    @cached_property
    def expected_frames(self) -> int | None:
        """Expected number of frames, estimated before reading.

        The container's count or the number of packets, adjusted to the options: an estimate if
        frames are selected by time. None for what cannot be opened, for filters that change the
        rate, and for a URL without a count. Counting packets costs 0.025 ms each, once; a file
        above 256 MB without a count is estimated from its length and rate.
        """
        if not self._keeps_rate:
            return None
        try:
            with as_source_error(self._where), self._open() as session:
                frames = self._count(session)
                seconds = session.declared_seconds
        except SourceError:
            return None
        return None if frames is None else self._sampling.expected(frames, seconds)

    @cached_property
    def expected_seconds(self) -> float | None:
        """Expected media time in seconds, from the container, or from its frames and their rate.

        None if neither is known, and for filters that change times.
        """
        if not self._keeps_rate:
            return None
        try:
            with as_source_error(self._where), self._open() as session:
                seconds = session.declared_seconds
                if seconds is None and (frames := self._count(session)) is not None:
                    seconds = float(frames * session.timeline().interval)
        except SourceError:
            return None
        return None if seconds is None else self._sampling.length(seconds)

    @ends_as_source_error
    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frames from index ``start`` on, exactly as a reading from 0 would.

        Frames before ``start`` or before the selected range are decoded only as far as necessary.
        Raises :class:`SourceError` if the video cannot be opened or is lost,
        :class:`UnreadableError` if nothing could be decoded.
        """
        is_empty, damage = start == 0, Damage()
        with self._open(self._decoder, damage) as session:
            chooser = self._sampling.chooser(self._interval(session))
            # Whether the frame at ``start`` is chosen depends on the one before it.
            first = start if self._sampling.fps is None else max(0, start - 1)
            is_provisional = self._decode == "fast" or session.keeps_pictures_there
            reading = self._reading = self._read(session, is_provisional=is_provisional)
            at_end = False
            opened = partial(self._open, damage=damage)
            try:
                with (
                    ParallelDecoder(
                        session, opened, self._ahead, self._decode, self._decoder
                    ) as decoding,
                    closing(decoding.shown(self._wanted(first, session))) as shown,
                ):
                    for frame in reading.frames(shown, self._seek_index):
                        if self._stopped.is_set() or chooser.is_past(frame.media_time):
                            return
                        if chooser.wants(frame.media_time) and frame.key.index >= start:
                            is_empty = False
                            yield frame
                if self._stopped.is_set():
                    return
                reading.require_pictures()
                at_end = not reading.is_cut_short
                if is_empty and at_end:
                    self._sampling.require_start(self._where, reading.ends)
            finally:
                self._reading = None
                self._warnings = reading.warnings(at_end=at_end)

    @ends_as_source_error
    def fetch(self, indices: Collection[int]) -> Iterator[Frame]:
        """Decode exactly these frames again, in ascending order of index.

        Frames seen by :meth:`frames` are sought by timestamp if possible, and compared with what
        was seen. If anything differs, for frames not seen before, and with a filter chain, the
        video is decoded from its start. Raises :class:`SourceError` if a frame is missing now.
        """
        wanted = deque(sorted(set(indices)))
        if wanted and self._filters is None and self._seek_index.can_seek(wanted[-1]):
            finder = Finder(self._open, self._read, self._seek_index, self._ahead)
            with closing(finder.find(tuple(wanted))) as found:
                for frame in found:
                    if self._stopped.is_set() or frame.key.index != wanted[0]:
                        break
                    wanted.popleft()
                    yield frame
        if not wanted or self._stopped.is_set():
            return
        with closing(self._from_the_beginning(wanted[0])) as frames:
            for frame in frames:
                if self._stopped.is_set():
                    return
                if frame.key.index == wanted[0]:
                    wanted.popleft()
                    yield frame
                    if not wanted:
                        return
        raise SourceError(
            f"{self._where}: frame {wanted[0]} does not exist any more; was the file replaced?"
        )

    @property
    def fingerprint(self) -> str:
        """The file's size and a hash of its first 64 KiB; empty for a URL."""
        return "" if is_url(self._location) else fingerprint_of([self._location])

    @property
    def seek_index(self) -> SeekIndex:
        """The seek index collected so far."""
        return self._seek_index

    def adopt(self, seek_index: SeekIndex) -> None:
        """Use the seek index of another source of this video, from another process."""
        self._seek_index = seek_index

    def warnings(self) -> Sequence[str]:
        """Return the problems so far that did not end the video."""
        return self._reading.warnings(at_end=False) if self._reading else self._warnings

    def _open(
        self, options: DecoderOptions = ONE_THREAD, damage: Damage | None = None
    ) -> VideoReader:
        return VideoReader(self._where, self._location, options, damage, self._areas)

    def _read(self, session: VideoReader, *, is_provisional: bool = False) -> FrameReader:
        return FrameReader(
            self._feed,
            self._where,
            session,
            self._filters,
            is_provisional=is_provisional,
            began=recorded_at(self._location, *session.tags),
        )

    def _from_the_beginning(self, start: int) -> Generator[Frame, None, None]:
        """Decode in full quality from the video's start, with the indices of :meth:`frames`.

        GOPs before index ``start`` may be skipped.
        """
        # The output of a filter chain, and so its numbering, depends on all of its input.
        decode = "all" if self._filters is None else self._decode
        options, damage = set_up(decode), Damage()
        with (
            self._open(options, damage) as session,
            ParallelDecoder(
                session, partial(self._open, damage=damage), self._ahead, decode, options
            ) as decoding,
            closing(decoding.shown(self._wanted(start, session))) as shown,
        ):
            yield from self._read(session).frames(shown)

    def _wanted(self, start: int, session: VideoReader) -> Callable[[Gop], bool]:
        """Return the function that decides, for each GOP in order, whether to decode it."""
        if self._filters is not None:
            return lambda gop: True
        return Wanted(start, self._sampling.start or 0.0, session.time_base).holds

    def _interval(self, session: VideoReader) -> Fraction | None:
        """Return the average seconds per frame; None if unknown or changed by filters."""
        return 1 / session.rate if session.rate and self._keeps_rate else None

    def _count(self, session: VideoReader) -> int | None:
        if session.declared_frames is not None:
            return session.declared_frames
        if session.size_bytes <= COUNTED_BYTES and not is_url(self._location):
            return session.count_packets()
        if session.declared_seconds is None or session.rate is None:
            return None
        return round(session.declared_seconds * session.rate)
