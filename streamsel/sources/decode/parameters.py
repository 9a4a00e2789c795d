"""Decoder parameters: parameter sets, sequence headers, the encoder's build.

All other decoder state is reset at a random access point. A decoder that starts in the middle of a
video gets the parameters from the video's start, which are valid only while they do not change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.decode.sequence import Sequence, numbers_of, sequence_of
from streamsel.sources.decode.units import Units, kind_of

_H264_SLICES, _H264_SEQUENCE, _H264_SETS = range(1, 6), 7, {7, 8, 13, 15}
_HEVC_SLICES, _HEVC_SETS = range(32), {32, 33, 34}
_PREDICTIVE_444 = 244
_ENCODER = re.compile(rb"x264 - core (\d+)")
_KNOWS_444, _KNOWS_DIRECT = 151, 34
_HEADERS: dict[str, tuple[bytes, ...]] = {
    "mpeg1video": (b"\0\0\1\xb8", b"\0\0\1\0"),
    "mpeg2video": (b"\0\0\1\xb8", b"\0\0\1\0"),
    "mpeg4": (b"\0\0\1\xb3", b"\0\0\1\xb6"),
}
"""Start codes of a group of pictures or a picture; the sequence header precedes them."""
_AV1_SEQUENCE = 1


class Parameters:
    """Tracks the parameters in the packets of one video, in decoding order."""

    def __init__(self, codec: str, container: bytes) -> None:
        """``container`` is the extradata of the container."""
        self._codec = codec
        self._units = Units(codec, container)
        self._container = container
        self._sequence: Sequence | None = None
        self._is_predictive_444 = False
        self._encoder_build = self._build_in(container)
        self._sets_of: Callable[[Packet[VideoStream]], Iterator[bytes]] = {
            "h264": self._h264_sets,
            "hevc": self._hevc_sets,
            "av1": _av1_headers,
        }.get(codec, self._header)
        self._known = {unit.rstrip(b"\0") for unit in self._units.of_container()}
        for unit in self._known:
            self._note_sequence(unit)

    def learn(self, packet: Packet[VideoStream]) -> None:
        """Add the parameters of a packet up to the first random access point."""
        self._known.update(self._sets_of(packet))
        if self._encoder_build is None:
            self._encoder_build = self._build_in(bytes(memoryview(packet)))

    def change_in(self, packet: Packet[VideoStream]) -> bool:
        """Whether this packet contains parameters that are not known yet."""
        if packet.has_sidedata("new_extradata"):
            sent = packet.get_sidedata("new_extradata")
            if bytes(sent) not in (self._container, b""):
                return True
        return any(one not in self._known for one in self._sets_of(packet))

    @property
    def needs_encoder(self) -> bool:
        """Whether decoding depends on the encoder's build, which only the first packet states.

        x264 encoded High 4:4:4 Predictive incorrectly up to build 150, and direct prediction up to
        build 33. libavcodec compensates for it if it has seen the build.
        """
        build = self._encoder_build
        if build is None:
            return False
        return build < _KNOWS_DIRECT or (self._is_predictive_444 and build < _KNOWS_444)

    def is_field(self, packet: Packet[VideoStream]) -> bool:
        """Whether this H.264 packet holds a field, and so may be half a picture."""
        sequence = self._sequence
        if sequence is None or not sequence.has_fields:
            return False
        for unit in self._units.of(packet):
            if kind_of("h264", unit) in _H264_SLICES:
                try:
                    return numbers_of(unit[1:], sequence)[1]
                except ValueError:
                    return False
        return False

    def _h264_sets(self, packet: Packet[VideoStream]) -> Iterator[bytes]:
        for unit in self._units.of(packet):
            kind = kind_of("h264", unit)
            if kind in _H264_SLICES:
                return
            if kind in _H264_SETS:
                self._note_sequence(unit)
                yield unit.rstrip(b"\0")

    def _hevc_sets(self, packet: Packet[VideoStream]) -> Iterator[bytes]:
        for unit in self._units.of(packet):
            kind = kind_of("hevc", unit)
            if kind in _HEVC_SLICES:
                return
            if kind in _HEVC_SETS:
                yield unit.rstrip(b"\0")

    def _header(self, packet: Packet[VideoStream]) -> Iterator[bytes]:
        ends = _HEADERS.get(self._codec)
        if ends is None:
            return
        content = bytes(memoryview(packet))
        header = content[: min((at for at in map(content.find, ends) if at >= 0), default=0)]
        if header:
            yield header.rstrip(b"\0")

    def _note_sequence(self, unit: bytes) -> None:
        if self._codec != "h264" or not unit or kind_of("h264", unit) != _H264_SEQUENCE:
            return
        self._is_predictive_444 |= unit[1:2] == bytes([_PREDICTIVE_444])
        try:
            sequence = sequence_of(unit[1:])
        except ValueError:
            return
        if self._sequence is None or sequence.has_fields:
            self._sequence = sequence

    def _build_in(self, content: bytes) -> int | None:
        if self._codec != "h264":
            return None
        found = _ENCODER.search(content)
        return None if found is None else int(found[1])


def _av1_headers(packet: Packet[VideoStream]) -> Iterator[bytes]:
    """Yield the sequence headers of an AV1 packet (AV1, 5.3)."""
    content = bytes(memoryview(packet))
    at = 0
    while at < len(content):
        head = content[at]
        has_extension, has_size = head & 4, head & 2
        at += 2 if has_extension else 1
        size = shift = 0
        while has_size and at < len(content):
            size |= (content[at] & 127) << shift
            shift += 7
            at += 1
            if not content[at - 1] & 128:
                break
        ends = at + size if has_size else len(content)
        if head >> 3 & 15 == _AV1_SEQUENCE:
            yield content[at:ends]
        at = ends
