"""Splits H.264 and HEVC into NAL units (Annex B or length-prefixed), and tells their kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from av.packet import Packet
from av.video.stream import VideoStream

_START = b"\0\0\1"
_READ_BYTES = 1024
_LENGTH_PLACE = {"h264": 4, "hevc": 21}
_SETS_PLACE = {"h264": 5, "hevc": 22}
_KIND: dict[str, Callable[[int], int]] = {
    "h264": lambda head: head & 31,
    "hevc": lambda head: head >> 1 & 63,
}


def kind_of(codec: str, unit: bytes) -> int:
    """Return the nal_unit_type of a unit, by its first byte (H.264, 7.3.1; HEVC, 7.3.1.2)."""
    return _KIND[codec](unit[0])


def delimited(content: bytes) -> Iterator[bytes]:
    """Yield the first kilobyte of each NAL unit between start codes (Annex B), empty ones not."""
    at = content.find(_START)
    while at >= 0:
        at += len(_START)
        following = content.find(_START, at, at + _READ_BYTES)
        if unit := content[at : following if following >= 0 else at + _READ_BYTES]:
            yield unit
        at = content.find(_START, at)


class Units:
    """Splits the packets of one video. ``parameters`` is the extradata of its container."""

    def __init__(self, codec: str, parameters: bytes) -> None:
        self._codec = codec
        self._parameters = parameters
        place = _LENGTH_PLACE.get(codec, 0)
        self._is_boxed = len(parameters) > place > 0 and parameters[:1] == b"\1"
        self._length_bytes = (parameters[place] & 3) + 1 if self._is_boxed else 0

    def of(self, packet: Packet[VideoStream]) -> Iterator[bytes]:
        """Yield the first kilobyte of each NAL unit that is not empty, in order."""
        content = memoryview(packet)
        if not self._length_bytes:
            yield from delimited(bytes(content))
            return
        at = 0
        while at + self._length_bytes < len(content):
            length = int.from_bytes(content[at : at + self._length_bytes], "big")
            at += self._length_bytes
            if unit := bytes(content[at : at + min(length, _READ_BYTES)]):
                yield unit
            at += length

    def of_container(self) -> Iterator[bytes]:
        """Yield the parameter sets that the container stores outside the packets."""
        if not self._is_boxed:
            yield from delimited(self._parameters)
        elif self._codec == "h264":
            yield from _boxed_h264(self._parameters)
        else:
            yield from _boxed_hevc(self._parameters)


def _boxed_h264(content: bytes) -> Iterator[bytes]:
    """Yield the parameter sets of an ``avcC`` box (ISO/IEC 14496-15, 5.3.3.1)."""
    at = _SETS_PLACE["h264"]
    for mask in (31, 255):
        if at >= len(content):
            return
        sets, at = content[at] & mask, at + 1
        for _ in range(sets):
            length = int.from_bytes(content[at : at + 2], "big")
            yield content[at + 2 : at + 2 + length]
            at += 2 + length


def _boxed_hevc(content: bytes) -> Iterator[bytes]:
    """Yield the parameter sets of an ``hvcC`` box (ISO/IEC 14496-15, 8.3.3.1)."""
    at = _SETS_PLACE["hevc"]
    if at >= len(content):
        return
    arrays, at = content[at], at + 1
    for _ in range(arrays):
        sets = int.from_bytes(content[at + 1 : at + 3], "big")
        at += 3
        for _ in range(sets):
            length = int.from_bytes(content[at : at + 2], "big")
            yield content[at + 2 : at + 2 + length]
            at += 2 + length
            if at >= len(content):
                return
