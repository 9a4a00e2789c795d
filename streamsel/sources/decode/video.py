"""Videos as their decoder sees them: what they declare, and the opened container."""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import Self

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.container.cropping import Cropper, margins_of
from streamsel.sources.container.opening import DecoderOptions, choose_stream, prepare, reason
from streamsel.sources.covering import Areas, Cover
from streamsel.sources.decode.copying import Copier
from streamsel.sources.decode.random_access import RandomAccess
from streamsel.sources.decode.timestamps import CONTINUOUS_STEP, DISCONTINUOUS_STEP, Timeline

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


class Video:
    """What a video declares. The defaults are those of one that declares nothing.

    Attributes:
        rate: Average frames per second; None if unknown.
        frame_rate: The rate that ffmpeg guesses; None if unknown.
        pixel_aspect: Width of a pixel divided by its height; None if undeclared.
        overruling_aspect: The container's ``pixel_aspect`` if it contradicts the codec, else None.
        time_base: Seconds per unit of pts.
        start_pts: Timestamp at which the container says that the video starts, None if undeclared.
        declared_frames: The container's number of frames; None if absent or implausible.
        declared_seconds: The container's duration; None if absent.
        has_edits: The container may have an edit list, which hides frames.
        has_unread_alpha: The video has an alpha plane that is not decoded.
        keeps_time: Filters continue from the first timestamp rather than from 0.
        decoded_in_software_because: Why the requested hardware does not decode; else empty.
    """

    rate: Fraction | None = None
    frame_rate: Fraction | None = None
    pixel_aspect: Fraction | None = None
    overruling_aspect: Fraction | None = None
    time_base = Fraction(1, 25)
    start_pts: int | None = None
    declared_frames: int | None = None
    declared_seconds: float | None = None
    has_edits = False
    has_unread_alpha = False
    keeps_time = True
    decoded_in_software_because = ""

    def __init__(self, damage: Damage | None = None) -> None:
        """``damage`` counts damaged packets; several sessions may share it."""
        self._damage = damage or Damage()

    def timeline(self) -> Timeline:
        """Return a new timeline with the limits of this kind of video."""
        return Timeline(self.rate, DISCONTINUOUS_STEP)

    @property
    def damaged(self) -> int:
        """Return the number of damaged packets so far."""
        return self._damage.packets

    @property
    def damage(self) -> str:
        """Return the reason of the first damage."""
        return self._damage.reason


class OpenedVideo(Video):
    """An opened container. Use as a context manager; leaving it closes the container.

    Attributes:
        codec: ffmpeg's name of the codec.
        pixels: Pixels per picture.
        size_bytes: Size of the file; 0 or less if unknown.
        tags: Metadata of the container and of the stream.
        trusts_pts: The container has presentation timestamps.
        is_intra_only: No picture refers to another.
        leaves_holes: The decoder does not report undecoded areas; they show reused memory.
        keeps_pictures_there: Hardware decodes, and pictures stay in its memory.
        failures: Packets that the decoder refused.
        copier: Copies every picture in main memory if set.
    """

    keeps_pictures_there = False
    failures = 0
    copier: Copier | None = None

    def __init__(
        self,
        where: str,
        container: InputContainer,
        options: DecoderOptions,
        damage: Damage | None = None,
        areas: Areas | None = None,
    ) -> None:
        """Choose the video stream of an opened container and open its decoder.

        ``areas`` are the privacy masks, applied to every picture before it is returned. If it
        cannot be decoded, the container is closed. Raises :class:`SourceError`.
        """
        super().__init__(damage)
        self._where = where
        self._container = container
        self._cover: Cover | None = None if areas is None else areas.cover(where)
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
        self.rate = stream.average_rate or stream.guessed_rate
        self.frame_rate = stream.guessed_rate or self.rate
        self.pixel_aspect = stream.sample_aspect_ratio
        is_overruled = self.pixel_aspect != stream.codec_context.sample_aspect_ratio
        self.overruling_aspect = self.pixel_aspect if is_overruled else None
        # The alpha of VP8 and VP9 is a second stream in Matroska's BlockAdditions. Other codecs
        # carry the tag too, but decode alpha with the picture.
        tagged = stream.metadata.get("alpha_mode") == "1"
        self.has_unread_alpha = tagged and self.codec in ("vp8", "vp9")
        margins = margins_of(container, stream)
        self._cropper = None if margins is None else Cropper(margins)
        self.time_base = stream.time_base or Fraction(1, 90000)
        self.size_bytes: int = container.size
        self.pixels: int = stream.width * stream.height
        self.tags = dict(container.metadata), dict(stream.metadata)
        there = 0 < stream.frames <= max(self.size_bytes, 1)
        self.declared_frames = stream.frames if there else None
        self.has_edits = container.format.name.startswith("mov")
        self.trusts_pts = container.format.name not in _WITHOUT_PRESENTATION_TIMES
        self.start_pts = stream.start_time
        self.declared_seconds = _seconds(stream.metadata.get("DURATION", ""))
        if stream.duration:
            self.declared_seconds = float(stream.duration * self.time_base)
        elif self.declared_seconds is None and container.duration and len(container.streams) == 1:
            self.declared_seconds = container.duration / av.time_base

    def close(self) -> None:
        """Close the video."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def timeline(self) -> Timeline:
        """Return a new timeline with the limits of this container format."""
        jumps = bool(self._container.format.flags & _CLOCK_MAY_JUMP)
        return Timeline(self.rate, DISCONTINUOUS_STEP if jumps else CONTINUOUS_STEP)

    @property
    def picture_bytes(self) -> int:
        """Return the approximate memory of a decoded picture in bytes."""
        decoder = self._stream.codec_context
        bits = 12 if decoder.format is None else decoder.format.bits_per_pixel
        return decoder.width * decoder.height * bits // 8

    def random_access(self) -> RandomAccess:
        """Return the random access points of this video."""
        return RandomAccess(self._stream.codec_context, self._container.format.name)

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

    def _seen(self, images: list[av.VideoFrame]) -> list[av.VideoFrame]:
        """Crop pictures as the container says, and apply the privacy masks."""
        if self._cropper is not None:
            images = list(map(self._cropper.crop, images))
        return images if self._cover is None else list(map(self._cover.hide, images))

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
