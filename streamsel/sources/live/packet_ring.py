"""A ring of the newest packets of a live feed; cuts clips without re-encoding."""

from __future__ import annotations

import io
import threading
from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.errors import SourceError
from streamsel.libav import PYAV_ERRORS
from streamsel.sources.decode.timestamps import DISCONTINUOUS_STEP, Timeline
from streamsel.sources.decode.units import delimited, kind_of

DEFAULT_RING_BYTES = 64 << 20
_TIME_BASE = Fraction(1, 90_000)
_PARAMETER_KINDS = {"h264": 7, "hevc": 33}
"""The type of a NAL unit that is a sequence parameter set."""


@dataclass(frozen=True, slots=True)
class _Recording:
    """The stream of one session with one picture size.

    ``parameters`` are the parameter sets of the session's description, with start codes.
    """

    codec: str
    width: int
    height: int
    rate: Fraction | None
    parameters: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    """A copied packet. ``received`` is in monotonic seconds, other times are in ``_TIME_BASE``.

    ``sent`` is its decoding time by the sender's clock, ``delay`` its presentation time minus that.
    """

    received: float
    recording: _Recording
    is_keyframe: bool
    sent: int
    delay: int
    content: bytes


class PacketRing:
    """The newest packets of a feed, bounded in seconds and bytes; a ``Footage``.

    The feed's reader thread adds packets, another thread cuts clips.
    """

    def __init__(self, seconds: float, most_bytes: int = DEFAULT_RING_BYTES) -> None:
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._packets: deque[_Kept] = deque()
        self._held_bytes = 0
        self._lock = threading.Lock()

    def begin(self, stream: VideoStream, width: int, height: int) -> None:
        """Start a new recording with this stream and picture size."""
        decoder = stream.codec_context
        codec, parameters = decoder.codec.canonical_name, decoder.extradata or b""
        # RTMP and MP4 use lengths in place of start codes, and store parameter sets separately.
        is_boxed = codec in _PARAMETER_KINDS and parameters[:1] == b"\1"
        unboxing = f"{codec}_mp4toannexb" if is_boxed else "null"
        self._unbox = av.BitStreamFilterContext(unboxing, stream)
        rate = stream.average_rate or stream.guessed_rate
        self._timeline = Timeline(rate, DISCONTINUOUS_STEP)
        parameters = b"" if is_boxed else parameters
        self._recording = _Recording(codec, width, height, rate, parameters)

    def add(self, packet: Packet[VideoStream], received: float) -> None:
        """Add a packet, consuming its content, and release packets beyond the bounds."""
        time_base = packet.time_base or _TIME_BASE
        decoded, shown = packet.dts, packet.pts
        delay = 0 if decoded is None or shown is None else max(0, shown - decoded)
        sent = self._timeline.stamp(shown if decoded is None else decoded, time_base)
        is_keyframe = packet.is_keyframe
        try:
            unboxed = self._unbox.filter(packet)
        except av.FFmpegError:
            return  # it is damaged, which the decoder reports
        kept = _Kept(
            received,
            self._recording,
            is_keyframe,
            round(sent / _TIME_BASE),
            round(delay * time_base / _TIME_BASE),
            b"".join(map(bytes, unboxed)),
        )
        with self._lock:
            self._packets.append(kept)
            self._held_bytes += len(kept.content)
            while (
                self._packets[0].received < received - self._seconds
                or self._held_bytes > self._most_bytes
            ) and len(self._packets) > 1:
                self._held_bytes -= len(self._packets.popleft().content)

    def clip(self, received: float, before: float, after: float) -> bytes:
        """Return an MP4 (or, if MP4 cannot hold the codec, Matroska) file around a moment.

        It covers the time from the keyframe at or before ``received - before``, or the first one
        stored, to ``received + after``, within one session and one picture size. Raises
        :class:`SourceError` if no packet of that time is stored.
        """
        chosen = self._choose(received, before, after)
        for container in ("mp4", "matroska"):
            try:
                return _mux(chosen, container)
            except PYAV_ERRORS as error:
                failure = error
        raise SourceError(f"the packets cannot be put into a file: {type(failure).__name__}")

    def _choose(self, received: float, before: float, after: float) -> list[_Kept]:
        with self._lock:
            packets = list(self._packets)
        at = bisect_right(packets, received, key=_received) - 1
        if at < 0:
            raise SourceError("the packets around the frame are gone")
        held = [packet for packet in packets if packet.recording is packets[at].recording]
        keys = [place for place, packet in enumerate(held) if packet.is_keyframe]
        if not keys:
            raise SourceError("no keyframe is held from which a clip could begin")
        latest = bisect_right(keys, received - before, key=lambda key: held[key].received) - 1
        begin = keys[max(0, latest)]
        end = bisect_left(held, received + after, key=_received)
        return held[begin : max(end, begin + 1)]


def _received(packet: _Kept) -> float:
    return packet.received


def _mux(packets: list[_Kept], container: str) -> bytes:
    """Write packets to a file in memory; timestamps start at 0 and strictly increase."""
    recording = packets[0].recording
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_mux_stream(
            recording.codec,
            recording.rate,
            width=recording.width,
            height=recording.height,
            time_base=_TIME_BASE,
        )
        last = -1
        for number, kept in enumerate(packets):
            content = kept.content
            if number == 0 and not _has_parameters(recording.codec, content):
                content = recording.parameters + content
            packet: Packet[Any] = Packet(content)
            packet.time_base = _TIME_BASE
            packet.dts = last = max(last + 1, kept.sent - packets[0].sent)
            packet.pts = packet.dts + kept.delay
            packet.is_keyframe = kept.is_keyframe
            packet.stream = stream
            output.mux(packet)
    return buffer.getvalue()


def _has_parameters(codec: str, content: bytes) -> bool:
    """Whether a keyframe contains its parameter sets, from which the file's header is made."""
    if codec not in _PARAMETER_KINDS:
        return True
    return any(kind_of(codec, unit) == _PARAMETER_KINDS[codec] for unit in delimited(content))
