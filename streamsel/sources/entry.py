"""Where in a video decoding can begin: keyframes that nothing before them is needed for.

A container's word is not enough for H.264 and HEVC: what it calls a keyframe may be the middle of
an intra refresh, whose picture is only whole many frames later. So the units of such a packet are
looked at (ITU-T H.264, 7.4.1.2.1 and D.2.8; H.265, 7.4.2.2).
"""

from __future__ import annotations

from collections.abc import Iterator

from av.codec.context import CodecContext
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.bits import Bits

_START = b"\0\0\1"
_TRUSTED = {
    *("vp8", "vp9", "av1", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg", "prores", "dnxhd"),
    *("theora", "ffv1", "vc1", "h263"),
}
_H264_SLICE, _H264_INTRA, _H264_MESSAGE = 1, 5, 6
_RECOVERY_POINT = 6
_HEVC_ENTRIES = range(16, 22)
_HEVC_SLICES = range(32)
_AVC_LENGTH_BYTE, _HEVC_LENGTH_BYTE = 4, 21
_READ_BYTES = 64


class Entries:
    """Tells, for one video, at which packets a fresh decoder can begin."""

    def __init__(self, decoder: CodecContext) -> None:
        self._codec = decoder.codec.canonical_name
        parameters = decoder.extradata or b""
        self._length_bytes = _length_bytes(self._codec, parameters)

    def is_entry(self, packet: Packet[VideoStream]) -> bool:
        """Whether everything shown from this packet's picture on can be decoded from here."""
        if not packet.is_keyframe or packet.pts is None or packet.is_discard:
            return False
        if self._codec == "h264":
            return _is_h264_entry(self._units(packet))
        if self._codec == "hevc":
            return _is_hevc_entry(self._units(packet))
        return self._codec in _TRUSTED

    def is_shown(self, packet: Packet[VideoStream]) -> bool:
        """Whether a packet's picture is to be seen; some are only there to be referred to."""
        if packet.is_discard:
            return False
        # VP8 (RFC 6386, 9.1): bit 4 of the first byte is show_frame.
        return self._codec != "vp8" or bool(bytes(memoryview(packet)[:1])[0] & 16)

    def _units(self, packet: Packet[VideoStream]) -> Iterator[bytes]:
        """The first bytes of each unit, in order."""
        content = memoryview(packet)
        if not self._length_bytes:
            yield from _delimited(bytes(content))
            return
        at = 0
        while at + self._length_bytes < len(content):
            length = int.from_bytes(content[at : at + self._length_bytes], "big")
            at += self._length_bytes
            yield bytes(content[at : at + min(length, _READ_BYTES)])
            at += length


def _length_bytes(codec: str, parameters: bytes) -> int:
    """How many bytes say a unit's length; 0 where start codes part them."""
    place = {"h264": _AVC_LENGTH_BYTE, "hevc": _HEVC_LENGTH_BYTE}.get(codec)
    if place is None or len(parameters) <= place or parameters[:1] != b"\1":
        return 0
    return (parameters[place] & 3) + 1


def _delimited(content: bytes) -> Iterator[bytes]:
    at = content.find(_START)
    while at >= 0:
        at += len(_START)
        yield content[at : at + _READ_BYTES]
        at = content.find(_START, at)


def _is_h264_entry(units: Iterator[bytes]) -> bool:
    for unit in units:
        kind = unit[0] & 31 if unit else 0
        if kind == _H264_INTRA:
            return True
        if kind == _H264_SLICE:
            return False
        if kind == _H264_MESSAGE and _recovers_at_once(unit[1:]):
            return True
    return False


def _recovers_at_once(message: bytes) -> bool:
    """Whether this is a recovery point from which every picture shown is whole."""
    at = 0
    while at + 1 < len(message):
        kind = size = 0
        while at < len(message) and message[at] == 255:
            kind, at = kind + 255, at + 1
        if at + 1 >= len(message):
            return False
        kind, at = kind + message[at], at + 1
        while at < len(message) and message[at] == 255:
            size, at = size + 255, at + 1
        if at >= len(message):
            return False
        size, at = size + message[at], at + 1
        if kind == _RECOVERY_POINT:
            try:
                return Bits(message[at : at + size]).code() == 0
            except ValueError:
                return False
        at += size
    return False


def _is_hevc_entry(units: Iterator[bytes]) -> bool:
    for unit in units:
        kind = unit[0] >> 1 & 63 if unit else 63
        if kind in _HEVC_SLICES:
            return kind in _HEVC_ENTRIES
    return False
