"""The packets of a live feed around now, and clips cut from them without encoding anything."""

from __future__ import annotations

import io
import threading
from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.errors import SourceError

DEFAULT_RING_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class _Kept:
    """A packet of its own: ``received`` is monotonic seconds, ``session`` who sent it."""

    received: float
    session: int
    is_keyframe: bool
    pts: int | None
    dts: int | None
    time_base: Fraction
    content: bytes


class PacketRing:
    """The newest packets of a feed, as many seconds and bytes as asked for; a ``Footage``.

    The thread that reads the feed adds to it, another one cuts. The stream's description is held
    by a container that is never written, because that of a session is gone when it ends.
    """

    def __init__(self, seconds: float, most_bytes: int = DEFAULT_RING_BYTES) -> None:
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._packets: deque[_Kept] = deque()
        self._held_bytes = 0
        self._session = 0
        self._templates: dict[int, tuple[OutputContainer, VideoStream]] = {}
        self._lock = threading.Lock()

    def begin(self, stream: VideoStream) -> None:
        """A session has opened; what is added from now on is of its stream."""
        holder = av.open(io.BytesIO(), "w", format="matroska")
        template = holder.add_stream_from_template(stream)
        with self._lock:
            self._session += 1
            self._templates[self._session] = (holder, template)
            present = {packet.session for packet in self._packets} | {self._session}
            self._templates = {
                session: held for session, held in self._templates.items() if session in present
            }

    def add(self, packet: Packet[VideoStream], received: float, time_base: Fraction) -> None:
        """Keep a packet, and let go of those that are too old or too much."""
        kept = _Kept(
            received,
            self._session,
            packet.is_keyframe,
            packet.pts,
            packet.dts,
            packet.time_base or time_base,
            bytes(packet),
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
        """Return an MP4 (or, where that cannot hold the codec, Matroska) file around a moment.

        From the keyframe at or before ``received - before``, or the first one there is, to
        ``received + after``, of the session that the moment lies in alone. Raises
        :class:`SourceError` where nothing of that is held any more.
        """
        chosen, template = self._choose(received, before, after)
        for container in ("mp4", "matroska"):
            try:
                return _mux(chosen, template, container)
            except (av.FFmpegError, ValueError) as error:
                failure = error
        raise SourceError(f"the packets cannot be put into a file: {type(failure).__name__}")

    def _choose(
        self, received: float, before: float, after: float
    ) -> tuple[list[_Kept], VideoStream]:
        with self._lock:
            times = [packet.received for packet in self._packets]
            at = bisect_right(times, received) - 1
            if at < 0:
                raise SourceError("the packets around the frame are gone")
            session = self._packets[at].session
            held = [packet for packet in self._packets if packet.session == session]
            template = self._templates[session][1]
        keys = [place for place, packet in enumerate(held) if packet.is_keyframe]
        begin = bisect_right([held[key].received for key in keys], received - before) - 1
        if not keys:
            raise SourceError("no keyframe is held from which a clip could begin")
        last = bisect_left([packet.received for packet in held], received + after)
        return held[keys[max(0, begin)] : max(last, keys[max(0, begin)] + 1)], template


def _mux(packets: list[_Kept], template: VideoStream, container: str) -> bytes:
    """Write packets into a file in memory; timestamps begin at 0 and rise."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream_from_template(template)
        origin: int | None = None
        last = -1
        for kept in packets:
            sent = kept.pts if kept.dts is None else kept.dts
            if sent is None:
                continue  # the first packets of a session have no timestamps
            origin = sent if origin is None else origin
            packet: Packet[Any] = Packet(kept.content)
            packet.time_base = kept.time_base
            packet.dts = last = max(last + 1, sent - origin)
            packet.pts = packet.dts if kept.pts is None else max(packet.dts, kept.pts - origin)
            packet.is_keyframe = kept.is_keyframe
            packet.stream = stream
            output.mux(packet)
    return buffer.getvalue()
