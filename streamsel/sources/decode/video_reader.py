"""Reads one open video: packets, pictures and damage.

A damaged packet is counted, and decoding continues with the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from types import TracebackType
from typing import Self

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.errors import SourceError, UnreadableError
from streamsel.sources.container.cropping import Cropper, margins_of
from streamsel.sources.container.hardware import hardware
from streamsel.sources.container.opening import (
    ONE_THREAD,
    DecoderOptions,
    choose_stream,
    open_container,
    prepare,
    reason,
)
from streamsel.sources.covering import Areas, Cover
from streamsel.sources.decode.copying import Copier
from streamsel.sources.decode.random_access import RandomAccess
from streamsel.sources.decode.timestamps import CONTINUOUS_STEP, DISCONTINUOUS_STEP, Timeline
from streamsel.sources.inputs import is_url

_READ_ATTEMPTS = 3
_LEAVES_HOLES = {"hevc", "vp8"}
_WITHOUT_PRESENTATION_TIMES = {"avi", "asf"}
_CLOCK_MAY_JUMP = 0x0200  # AVFMT_TS_DISCONT


class Damage:
    """Counts the damaged packets of a video and stores the first reason. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.packets = 0
        self.reason = ""

    def note(self, reason: str) -> None:
        """Count a damaged packet."""
        with self._lock:
            self.packets += 1
            self.reason = self.reason or reason


class VideoReader:
    """One opened video. Use as a context manager; leaving it closes the container.

    Raises :class:`SourceError` if it cannot be opened, :class:`UnreadableError` if it contains no
    decodable video. Messages start with ``where``.

    Attributes:
        codec: ffmpeg's name of the codec.
        rate: Average frames per second; None if unknown.
        frame_rate: The rate that ffmpeg guesses; None if unknown.
        pixel_aspect: Width of a pixel divided by its height; None if undeclared.
        overruling_aspect: The container's ``pixel_aspect`` if it contradicts the codec, else None.
        time_base: Seconds per unit of pts.
        pixels: Pixels per picture.
        size_bytes: Size of the file; 0 or less if unknown.
        start_pts: Timestamp at which the container says that the video starts, None if undeclared.
        declared_frames: The container's number of frames; None if absent or implausible.
        declared_seconds: The container's duration; None if absent.
        has_edits: The container may have an edit list, which hides frames.
        tags: Metadata of the container and of the stream.
        trusts_pts: The container has presentation timestamps.
        keeps_time: Filters continue from the first timestamp rather than from 0.
        is_intra_only: No picture refers to another.
        has_unread_alpha: The video has an alpha plane that is not decoded.
        leaves_holes: The decoder does not report undecoded areas; they show reused memory.
        decoded_in_software_because: Why the requested hardware does not decode; else empty.
        keeps_pictures_there: Hardware decodes, and pictures stay in its memory.
        failures: Packets that the decoder refused.
        copier: Copies every picture in main memory if set.
    """

    keeps_time = True
    failures = 0
    copier: Copier | None = None
    start_pts: int | None = None

    def __init__(
        self,
        where: str,
        location: str,
        options: DecoderOptions = ONE_THREAD,
        damage: Damage | None = None,
        areas: Areas | None = None,
    ) -> None:
        """``damage`` counts damaged packets; several sessions may share it.

        ``areas`` are the privacy masks, applied to every picture before it is returned.
        """
        self._where = where
        self._cover: Cover | None = None if areas is None else areas.cover(where)
        self._is_remote = is_url(location)
        self._damage = damage or Damage()
        self.decoded_in_software_because = ""
        hwaccel: HWAccel | None = None
        if options.device is not None:
            hwaccel, self.decoded_in_software_because = hardware(location, options)
        self.keeps_pictures_there = hwaccel is not None and hwaccel.is_hw_owned
        self._use(open_container(where, location, hwaccel), options)

    def _use(self, container: InputContainer, options: DecoderOptions) -> None:
        """Choose the video stream of an opened container and open its decoder."""
        self._container = container
        try:
            self._stream = choose_stream(self._where, container)
            prepare(self._where, self._stream, options)
        except BaseException:
            self.close()
            raise
        self._describe()

    def _describe(self) -> None:
        """Copy the container's declarations, which stay available after closing."""
        container, stream = self._container, self._stream
        self.codec: str = stream.codec_context.codec.canonical_name
        self.leaves_holes = self.codec in _LEAVES_HOLES
        self.is_intra_only: bool = stream.codec_context.codec.intra_only
        self.rate: Fraction | None = stream.average_rate or stream.guessed_rate
        self.frame_rate: Fraction | None = stream.guessed_rate or self.rate
        self.pixel_aspect: Fraction | None = stream.sample_aspect_ratio
        is_overruled = self.pixel_aspect != stream.codec_context.sample_aspect_ratio
        self.overruling_aspect = self.pixel_aspect if is_overruled else None
        # The alpha of VP8 and VP9 is a second stream in Matroska's BlockAdditions. Other codecs
        # carry the tag too, but decode alpha with the picture.
        tagged = stream.metadata.get("alpha_mode") == "1"
        self.has_unread_alpha = tagged and self.codec in ("vp8", "vp9")
        margins = margins_of(container, stream)
        self._cropper = None if margins is None else Cropper(margins)
        self.time_base: Fraction = stream.time_base or Fraction(1, 90000)
        self.size_bytes: int = container.size
        self.pixels: int = stream.width * stream.height
        self.tags = dict(container.metadata), dict(stream.metadata)
        there = 0 < stream.frames <= max(self.size_bytes, 1)
        self.declared_frames: int | None = stream.frames if there else None
        self.has_edits = container.format.name.startswith("mov")
        self.trusts_pts = container.format.name not in _WITHOUT_PRESENTATION_TIMES
        self.start_pts = stream.start_time
        self.declared_seconds = _seconds(stream.metadata.get("DURATION", ""))
        if stream.duration:
            self.declared_seconds = float(stream.duration * self.time_base)
        elif self.declared_seconds is None and container.duration and len(container.streams) == 1:
            self.declared_seconds = container.duration / av.time_base

    @property
    def is_remote(self) -> bool:
        """Whether the video is read from a URL."""
        return self._is_remote

    def close(self) -> None:
        """Close the video."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def timeline(self) -> Timeline:
        """Return a new timeline with the limits of this container format."""
        jumps = bool(self._container.format.flags & _CLOCK_MAY_JUMP)
        return Timeline(self.rate, DISCONTINUOUS_STEP if jumps else CONTINUOUS_STEP)

    def seek(self, pts: int) -> None:
        """Seek to the keyframe at or before a pts. Raises ``av.FFmpegError`` if that fails."""
        self._container.seek(pts, stream=self._stream)

    def count_packets(self) -> int:
        """Read to the end without decoding; return the number of packets. About 0.025 ms each."""
        return sum(1 for _ in self.packets())

    @property
    def damaged(self) -> int:
        """Return the number of damaged packets so far."""
        return self._damage.packets

    @property
    def damage(self) -> str:
        """Return the reason of the first damage."""
        return self._damage.reason

    @property
    def picture_bytes(self) -> int:
        """Return the approximate memory of a decoded picture in bytes."""
        decoder = self._stream.codec_context
        bits = 12 if decoder.format is None else decoder.format.bits_per_pixel
        return decoder.width * decoder.height * bits // 8

    def random_access(self) -> RandomAccess:
        """Return the random access points of this video."""
        return RandomAccess(self._stream.codec_context, self._container.format.name)

    def images(self) -> Iterator[av.VideoFrame]:
        """Decode to the end, in presentation order."""
        for packet in self.packets():
            yield from self.decode(packet)
        yield from self.drain()

    def decode(self, packet: Packet[VideoStream], *, is_quiet: bool = False) -> list[av.VideoFrame]:
        """Decode a packet and return the pictures output now.

        The packet may come from another session of the same video. With ``is_quiet`` an error is
        counted in ``failures`` only, not as damage.
        """
        return self._send(packet, is_quiet=is_quiet)

    def drain(self, *, is_quiet: bool = False) -> list[av.VideoFrame]:
        """Return the pictures still held by the decoder, and reset it."""
        try:
            return self._send(None, is_quiet=is_quiet)
        finally:
            self._stream.codec_context.flush_buffers()

    def _send(self, packet: Packet[VideoStream] | None, *, is_quiet: bool) -> list[av.VideoFrame]:
        try:
            images = self._stream.codec_context.decode(packet)
        except av.FFmpegError as error:
            self.failures += 1
            if not is_quiet:
                self._note(error)
            return []
        copier = self.copier
        if copier is not None and not self.keeps_pictures_there:
            images = [copier.copy(image, self.time_base) for image in images]
        return self._seen(images)

    def prime(self, head: Packet[VideoStream] | None) -> None:
        """Decode the first keyframe and discard it, so that the decoder has its parameter sets.

        Errors are ignored; None does nothing.
        """
        if head is None:
            return
        decoder = self._stream.codec_context
        with suppress(av.FFmpegError):
            decoder.decode(head)
        with suppress(av.FFmpegError):
            decoder.decode(None)
        decoder.flush_buffers()

    def prime_by_reading(self) -> None:
        """Read as far as the first random access point and prime with it; call before reading."""
        random_access = self.random_access()
        self.prime(next(filter(random_access.is_random_access, self.packets()), None))

    def _seen(self, images: list[av.VideoFrame]) -> list[av.VideoFrame]:
        """Crop pictures as the container says, and apply the privacy masks."""
        if self._cropper is not None:
            images = list(map(self._cropper.crop, images))
        return images if self._cover is None else list(map(self._cover.hide, images))

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield the packets up to the end of the video.

        A read error of a local file is counted as damage and skipped; three in a row without a
        packet end the video. Raises :class:`SourceError` for a failure of the server or the disk,
        :class:`UnreadableError` for encrypted packets.
        """
        failures = read = 0
        while failures < _READ_ATTEMPTS:
            packets = iter(self._container.demux(self._stream))
            while True:
                try:
                    packet = next(packets)
                except (StopIteration, IndexError):
                    # PyAV raises IndexError at the end of MPEG-TS that added streams later.
                    return
                except av.FFmpegError as error:
                    if self._is_remote or isinstance(error, av.error.OSError):
                        why = reason(error) + ("" if read else self._advice())
                        raise SourceError(f"{self._where} was lost: {why}") from None
                    failures += 1
                    self._note(error)
                    break
                if packet.size:  # the last packet is empty and would flush the decoder
                    failures, read = 0, read + 1
                    self._require_clear(packet)
                    yield packet

    def _advice(self) -> str:
        """Return a hint for a remote video that fails before its first packet; else empty."""
        if not (self._is_remote and self._container.format.name.startswith("mov")):
            return ""
        return (
            "; an MP4 with its index at the end needs a server that supports range requests"
            " (Accept-Ranges: bytes): rewrite it with ffmpeg -i IN -c copy -movflags +faststart"
            " OUT, or download it first"
        )

    def _require_clear(self, packet: Packet[VideoStream]) -> None:
        if packet.has_sidedata("encryption_info"):
            raise UnreadableError(
                f"{self._where} is encrypted (Common Encryption); decrypt it first: ffmpeg"
                " -decryption_key KEY -i IN -c copy OUT"
            )

    def _note(self, error: av.FFmpegError) -> None:
        self._damage.note(reason(error))


def _seconds(clock: str) -> float | None:
    """Parse a duration tag such as ``00:01:02.500000000`` to seconds; None if it is none."""
    parts = clock.split(":")
    if len(parts) != 3:
        return None
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds
