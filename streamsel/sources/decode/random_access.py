"""Random access points: keyframes at which decoding can start.

The container's keyframe flag is not sufficient: it may mark the start of an intra refresh, which is
complete only many frames later, or any picture at all (H.263). So the packets are parsed (ITU-T
H.264, 7.4.1.2.1 and D.2.8; H.265, 7.4.2.2; RFC 6386, 9.1; VP9, 6.2; ISO/IEC 13818-2, 6.3.9;
14496-2, 6.3.5). Videos are cut only for combinations of codec and container for which the output
was compared with that of a single decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from av.codec.context import CodecContext
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.sources.decode.bit_reader import BitReader
from streamsel.sources.decode.parameters import Parameters
from streamsel.sources.decode.units import Units, kind_of

_MOV, _MATROSKA, _TS = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts"
_CUT: dict[str, tuple[str, ...]] = {
    "h264": (_MOV, _MATROSKA, _TS, "flv", "nut"),
    "hevc": (_MOV, _MATROSKA, _TS),
    "vp8": (_MATROSKA, "ivf"),
    "vp9": (_MATROSKA, _MOV, "ivf"),
    "av1": (_MATROSKA, _MOV, "ivf"),
    "mpeg1video": (_MATROSKA, _TS),
    "mpeg2video": (_MATROSKA, _TS, "mxf"),
    "mpeg4": (_MOV, _MATROSKA, _TS),
    "theora": ("ogg", _MATROSKA),
    "ffv1": (_MATROSKA,),
}
"""Codecs that can be cut, with the containers that store presentation timestamps for them."""
_ALONE = {"mjpeg", "prores", "dnxhd"}
"""Intra-only codecs; these are cut in any container with timestamps."""
_OF_AVI = {"XVID", "xvid", "DIVX", "divx", "DX50", "FMP4", "MP4S", "M4S2", "DIV3", "DIV4"}
"""Codec tags of MPEG-4 as AVI stores it, without presentation timestamps."""
_H264_SLICE, _H264_INTRA, _H264_MESSAGE = 1, 5, 6
_RECOVERY_POINT = 6
_HEVC_ENTRIES = range(16, 22)
_HEVC_SLICES = range(32)
_IDR: dict[str, tuple[range, tuple[int, ...]]] = {
    "h264": (range(1, 6), (_H264_INTRA,)),
    "hevc": (_HEVC_SLICES, (19, 20)),
}
"""Which kinds of units are slices, and which are of IDR pictures."""
_MPEG_PICTURE, _MPEG4_PICTURE = b"\0\0\1\0", b"\0\0\1\xb6"


class RandomAccess:
    """Finds the packets of one video at which a fresh decoder can start.

    Call the methods in decoding order. ``container`` is ffmpeg's name of the format.
    """

    def __init__(self, decoder: CodecContext, container: str) -> None:
        self._codec = codec = decoder.codec.canonical_name
        parameters = decoder.extradata or b""
        self._units = Units(codec, parameters)
        self._parameters = Parameters(codec, parameters)
        self._can_cut = codec in _ALONE or container in _CUT.get(codec, ())
        if codec == "mpeg4" and _tag_of(decoder) in _OF_AVI:
            self._can_cut = False
        self._begins: Callable[[Packet[VideoStream]], bool] = {
            "h264": lambda packet: _is_h264_random_access(self._units.of(packet)),
            "hevc": lambda packet: _is_hevc_random_access(self._units.of(packet)),
            "vp8": lambda packet: not _first_byte(packet) & 1,
            "vp9": lambda packet: _vp9_facts(bytes(memoryview(packet)[:2]))[0],
            "mpeg1video": _is_mpeg_random_access,
            "mpeg2video": _is_mpeg_random_access,
            "mpeg4": _is_mpeg4_random_access,
        }.get(codec, lambda packet: True)
        self.head: Packet[VideoStream] | None = None
        """The first random access point: with the extradata, all the parameters a decoder needs."""

    def is_random_access(self, packet: Packet[VideoStream]) -> bool:
        """Whether this picture and all shown after it can be decoded from this packet on."""
        if not packet.is_keyframe or packet.pts is None or packet.is_discard:
            return False
        return self._begins(packet)

    def is_clean_break(self, packet: Packet[VideoStream]) -> bool:
        """Whether no picture from this packet on refers to an earlier one (IDR pictures)."""
        if self._codec not in _IDR:
            return False
        slices, breaks = _IDR[self._codec]
        kinds = (kind_of(self._codec, unit) for unit in self._units.of(packet))
        return next((kind in breaks for kind in kinds if kind in slices), False)

    def is_shown(self, packet: Packet[VideoStream]) -> bool:
        """Whether a packet's picture is shown; some serve only as references."""
        if packet.is_discard:
            return False
        if self._codec == "vp8":
            return bool(_first_byte(packet) & 16)
        return self._codec != "vp9" or any(
            _vp9_facts(frame)[1] for frame in _vp9_frames(bytes(packet))
        )

    def prevents_cut(self, packet: Packet[VideoStream]) -> bool:
        """Whether the video cannot be cut from this packet on. Call once for every packet.

        True if the codec and container cannot be cut at all, if parameters change that a later
        random access point does not repeat, if decoding depends on the encoder's build, and for
        field pictures, of which a container may store two packets per picture.
        """
        if not self._can_cut:
            return True
        if self.head is None:
            self._parameters.learn(packet)
            if self.is_random_access(packet):
                self.head = packet
        elif self._parameters.change_in(packet):
            return True
        return self._parameters.needs_encoder or self._parameters.is_field(packet)


def _tag_of(decoder: CodecContext) -> str:
    """Return the codec's tag in its container; ``XVID`` if it is no text."""
    try:
        return decoder.codec_tag
    except UnicodeDecodeError:
        return "XVID"


def _first_byte(packet: Packet[VideoStream]) -> int:
    return bytes(memoryview(packet)[:1])[0]


def _is_h264_random_access(units: Iterator[bytes]) -> bool:
    for unit in units:
        kind = kind_of("h264", unit)
        if kind == _H264_INTRA:
            return True
        if kind == _H264_SLICE:
            return False
        if kind == _H264_MESSAGE and _recovers_at_once(unit[1:]):
            return True
    return False


def _recovers_at_once(message: bytes) -> bool:
    """Whether an SEI message is a recovery point with a recovery frame count of 0."""
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
                return BitReader(message[at : at + size]).code() == 0
            except ValueError:
                return False
        at += size
    return False


def _is_hevc_random_access(units: Iterator[bytes]) -> bool:
    for unit in units:
        kind = kind_of("hevc", unit)
        if kind in _HEVC_SLICES:
            return kind in _HEVC_ENTRIES
    return False


def _is_mpeg_random_access(packet: Packet[VideoStream]) -> bool:
    """Whether the first picture of MPEG-1 or MPEG-2 is intra-coded."""
    after = bytes(packet).partition(_MPEG_PICTURE)[2]
    return len(after) > 1 and after[1] >> 3 & 7 == 1


def _is_mpeg4_random_access(packet: Packet[VideoStream]) -> bool:
    """Whether the first picture of MPEG-4 part 2 is intra-coded."""
    after = bytes(packet).partition(_MPEG4_PICTURE)[2]
    return len(after) > 0 and after[0] >> 6 == 0


def _vp9_frames(content: bytes) -> Iterator[bytes]:
    """Yield the frames of a VP9 packet; a superframe holds several (VP9, annex B)."""
    mark = content[-1] if content else 0
    bytes_each = (mark >> 3 & 3) + 1
    index_bytes = 2 + bytes_each * ((mark & 7) + 1)
    if mark >> 5 != 6 or len(content) < index_bytes or content[-index_bytes] != mark:
        yield content
        return
    at = 0
    for place in range(len(content) - index_bytes + 1, len(content) - 1, bytes_each):
        size = int.from_bytes(content[place : place + bytes_each], "little")
        yield content[at : at + size]
        at += size


def _vp9_facts(frame: bytes) -> tuple[bool, bool]:
    """Whether a VP9 frame is a keyframe, and whether it is shown or shows another (VP9, 6.2)."""
    bits = BitReader(frame[:2])
    try:
        bits.take(2)
        if bits.take(1) + 2 * bits.take(1) == 3:
            bits.take(1)
        if bits.take(1):
            return False, True
        return not bits.take(1), bool(bits.take(1))
    except ValueError:
        return False, bool(frame)
