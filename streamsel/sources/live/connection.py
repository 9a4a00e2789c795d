"""Connections to live feeds: opens a camera, device or stream and reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.choices import FeedDecode, Transport, require_choice
from streamsel.clock import Clock
from streamsel.decisions import SourceCounters
from streamsel.errors import ConfigurationError, SourceError
from streamsel.sources.container.opening import DecoderOptions, Skip
from streamsel.sources.covering import Areas
from streamsel.sources.decode.continuity import Continuity
from streamsel.sources.decode.corruption import Corruption, Suspicion
from streamsel.sources.decode.timestamps import (
    DISCONTINUOUS_STEP,
    ArrivalTimeline,
    LiveTimeline,
    Timeline,
)
from streamsel.sources.decode.video import OpenedVideo
from streamsel.sources.live.clean_breaks import CleanBreaks
from streamsel.sources.live.opening import is_silent, open_live
from streamsel.sources.live.packet_ring import PacketRing
from streamsel.sources.live.unopened import explain, no_answer

_SKIPPED: dict[FeedDecode, Skip] = {
    "all": "DEFAULT",
    "reference": "NONREF",
    "keyframes": "NONKEY",
}
_CHECKED_CODECS = ("h264", "mjpeg")
"""Codecs for which every picture with losses is detected."""
_MOST_FAILURES = 100
_KEYFRAME_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """Options of a live feed. Raises :class:`ConfigurationError` for invalid ones.

    ``transport`` is that of RTSP. ``open_timeout`` and ``read_timeout`` are the timeouts in seconds
    for connecting and for receiving data. ``tls_ca_file`` (PEM) holds the trusted certificate
    authorities; None: the system's. ``fps``: at most this many frames per second are processed.
    ``vf`` is an ffmpeg filter chain. ``decode``: all frames, reference frames, or keyframes only.
    ``areas`` are hidden in every picture; their size is the same for all connections.
    """

    transport: Transport = "tcp"
    open_timeout: float = 5.0
    read_timeout: float = 5.0
    tls_ca_file: Path | None = None
    fps: float | None = None
    filters: str | None = None
    decode: FeedDecode = "all"
    areas: Areas | None = None

    def __post_init__(self) -> None:
        require_choice("transport", self.transport, Transport)
        require_choice("decode", self.decode, FeedDecode)
        for name in ("open_timeout", "read_timeout"):
            if not 0.1 <= getattr(self, name) <= 3600:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name):g} s; it must lie in 0.1..3600"
                )


class Connection(OpenedVideo):
    """One open live feed. A context manager; leaving it closes the connection.

    Raises :class:`SourceError` if it cannot be opened in time, and later if it is lost, ends, is
    silent, or sends nothing that can be decoded. ``turn`` is held while a packet is decoded.
    """

    keeps_time = False  # a filter would wait for hours after the clock was set back

    def __init__(
        self,
        where: str,
        location: str,
        options: LiveOptions,
        clock: Clock,
        ring: PacketRing | None = None,
        stopped: threading.Event | None = None,
        turn: AbstractContextManager[None] | None = None,
    ) -> None:
        """``ring`` receives the packets; ``stopped``, once set, ends reading."""
        self._options = options
        self._clock = clock
        self._ring = ring
        self._stopped = stopped or threading.Event()
        self._turn = turn or nullcontext()
        self._received = self._decoded = self._failures = 0
        self.suspicion = Suspicion()
        self._timeline: LiveTimeline | None = None
        is_lossy = location.lower().startswith("rtsp") and options.transport == "udp"
        self._is_lossy = is_lossy
        decoder_options = DecoderOptions(
            skip_frame=_SKIPPED[options.decode],
            # Or H.264 would not be missed where its end looks like one.
            err_detect="aggressive" if is_lossy else "",
        )
        opened = open_live(where, location, options, clock, self._stopped.wait)
        self._segments = opened.segments
        self.rhythm = opened.rhythm
        self.tells_time = opened.tells_time
        self._read_timeout = opened.read_timeout
        super().__init__(where, opened.container, decoder_options, areas=options.areas)
        if opened.segments is not None:
            opened.segments.pid = self._stream.id
        decoder = self._stream.codec_context
        codec = decoder.codec.canonical_name
        if is_lossy and codec not in _CHECKED_CODECS:
            self.close()
            raise SourceError(
                f"{where} sends {codec}, in which losses on the way cannot be told: set its "
                "transport to tcp"
            )
        follows_numbers = is_lossy and codec == "h264"
        self._corruption = Corruption(
            Continuity(decoder.extradata or b"") if follows_numbers else None
        )
        self._breaks = CleanBreaks(self.random_access())
        self._pictured = clock.monotonic()
        self._keyed: float | None = None
        self._size = decoder.width, decoder.height
        if ring is not None:
            ring.begin(self._stream, *self._size)

    def timeline(self) -> Timeline:
        """Return new timestamp rules: a camera's clock may jump, and some cameras send no times."""
        if self.tells_time:
            self._timeline = LiveTimeline(self.rate, DISCONTINUOUS_STEP, self._clock)
            return self._timeline
        return ArrivalTimeline(self.rate, DISCONTINUOUS_STEP, self._clock)

    @property
    def clock_stands_still(self) -> bool:
        """Whether its pictures are timed as they come, because its timestamps do not go on."""
        return self._timeline is not None and self._timeline.stands_still

    def counters(self) -> SourceCounters:
        """Return the counters so far. Safe from any thread."""
        return SourceCounters(self._received, self._decoded, self.damaged)

    def images(self) -> Iterator[av.VideoFrame]:
        """Decode until stopped, in presentation order.

        After damage no picture is trusted until the next keyframe, see ``suspicion``.
        """
        for packet in self.packets():
            with self._turn:
                if self._stopped.is_set():
                    return
                images = self._decode_next(packet) if packet.size else self._finish_segment()
            for image in images:
                self.suspicion.add(self._corruption.covers(image))
                yield image

    def _decode_next(self, packet: Packet[VideoStream]) -> list[av.VideoFrame]:
        """Decode a packet, and record it."""
        self._breaks.check(packet)
        self._corruption.check(packet)
        images = self._decode(packet)
        self._require_pictures(packet, images)
        self._record(packet, images)
        return images

    def _finish_segment(self) -> list[av.VideoFrame]:
        """The pictures still in the decoder at the end of a segment, unless the next needs them."""
        is_clean = self._breaks.end()
        if not (is_clean and self._stream.codec_context.has_b_frames):
            return []
        images = self.drain()
        self._decoded += len(images)
        return images

    def _decode(self, packet: Packet[VideoStream]) -> list[av.VideoFrame]:
        try:
            if self._is_lossy and packet.is_keyframe and self._corruption.is_open:
                # A picture that lost something leaves traces in the next one, even in a keyframe
                # that is whole: so that one is decoded twice.
                packet.decode()
            images = self._seen(packet.decode())
        except av.FFmpegError as error:
            self._note(error)
            self._corruption.begin()
            self._failures += 1
            return []
        self._decoded += len(images)
        return images

    def _record(self, packet: Packet[VideoStream], images: list[av.VideoFrame]) -> None:
        """Give a packet to the ring; pictures of another size begin a new recording."""
        if self._ring is None:
            return
        if images and (size := (images[0].width, images[0].height)) != self._size:
            self._size = size
            self._ring.begin(self._stream, *size)
        self._ring.add(packet, self._clock.monotonic())

    def _require_pictures(self, packet: Packet[VideoStream], images: list[av.VideoFrame]) -> None:
        """Raise where pictures are overdue: the decoder gets keyframes, and makes nothing of it."""
        now = self._clock.monotonic()
        if images:
            self._pictured, self._keyed, self._failures = now, None, 0
            return
        if packet.is_keyframe and self._keyed is None:
            self._keyed = now
        silence = now - self._pictured
        overdue = self._keyed is not None and now - self._keyed > self._options.read_timeout
        if overdue or self._failures >= _MOST_FAILURES or silence > _KEYFRAME_PATIENCE:
            raise SourceError(
                f"{self._where}: data comes, but no picture for {silence:.0f} s"
                f"{f' ({self.damage})' if self.damage else ''}"
            )

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Read packets until stopped, and an empty one at the end of each segment of a playlist.

        Raises :class:`SourceError` if the feed is lost.
        """
        packets = self._demuxed()
        barren = 0.0
        while not self._stopped.is_set():
            waiting_since = self._clock.monotonic()
            try:
                packet = next(packets)
            except StopIteration:
                if self._stopped.is_set():
                    return
                raise SourceError(f"{self._where}: the sender ended it") from None
            except av.FFmpegError as error:
                raise SourceError(f"{self._where} was lost: {self._why(error)}") from None
            # Once its patience is over, ffmpeg first hands out the fragments of a frame that it
            # holds, and would then wait as long again.
            silence = self._clock.monotonic() - waiting_since
            if is_silent(silence, self._read_timeout):
                raise SourceError(f"{self._where} was lost: {no_answer(silence)}")
            self._received += bool(packet.size)
            barren = 0.0 if packet.size else barren + silence
            if barren > self._read_timeout:  # they may have moved to another elementary stream
                raise SourceError(f"{self._where} was lost: its segments bring no more pictures")
            yield packet

    def _demuxed(self) -> Iterator[Packet[VideoStream]]:
        """The same packets, until the sender ends the feed."""
        segments = self._segments
        is_going = True
        while is_going:
            # PyAV stumbles at the end over streams that MPEG-TS brought on the way.
            with suppress(IndexError):
                for packet in self._container.demux(self._stream):
                    # ffmpeg also reports an end once after each segment has begun.
                    if packet.size or (segments is not None and segments.is_at_end):
                        yield packet
            is_going = segments is not None and (not segments.is_at_end or segments.advance())

    def close(self) -> None:
        """Close the feed."""
        super().close()
        if self._segments is not None:
            self._segments.close()

    def _why(self, error: av.FFmpegError) -> str:
        return explain(error, self._read_timeout)
