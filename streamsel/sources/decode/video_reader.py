"""Reads one video, local or behind a URL: packets, pictures and damage.

A damaged packet is counted, and decoding continues with the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import av
from av.codec.hwaccel import HWAccel
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.errors import SourceError, UnreadableError
from streamsel.sources.container.hardware import hardware
from streamsel.sources.container.opening import (
    ONE_THREAD,
    DecoderOptions,
    open_container,
    reason,
)
from streamsel.sources.covering import Areas
from streamsel.sources.decode.video import Damage, OpenedVideo
from streamsel.sources.inputs import is_url

_READ_ATTEMPTS = 3


class VideoReader(OpenedVideo):
    """A video that is read by its path or URL.

    Raises :class:`SourceError` if it cannot be opened, :class:`UnreadableError` if it contains no
    decodable video. Messages start with ``where``.
    """

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
        hwaccel: HWAccel | None = None
        why_not = ""
        if options.device is not None:
            hwaccel, why_not = hardware(location, options)
        super().__init__(where, open_container(where, location, hwaccel), options, damage, areas)
        self.decoded_in_software_because = why_not
        self.keeps_pictures_there = hwaccel is not None and hwaccel.is_hw_owned
        self._is_remote = is_url(location)

    @property
    def is_remote(self) -> bool:
        """Whether the video is read from a URL."""
        return self._is_remote

    def seek(self, pts: int) -> None:
        """Seek to the keyframe at or before a pts. Raises ``av.FFmpegError`` if that fails."""
        self._container.seek(pts, stream=self._stream)

    def count_packets(self) -> int:
        """Read to the end without decoding; return the number of packets. About 0.025 ms each."""
        return sum(1 for _ in self.packets())

    def images(self) -> Iterator[av.VideoFrame]:
        """Decode to the end, in presentation order."""
        for packet in self.packets():
            yield from self.decode(packet)
        yield from self.drain()

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
