"""What is done to the bytes of a file, where ffmpeg makes no such file."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.kind import Alter

_FLV_HEAD, _TAG_HEAD = 13, 11
_FLV_PAUSE = 40
_CORE = b"x264 - core "


def as_old_x264(content: bytes) -> bytes:
    """Let an old build of x264 sign the stream: decoders then read its 4:4:4 otherwise."""
    at = content.index(_CORE) + len(_CORE)
    return content[:at] + b"142" + content[at + 3 :]


def from_within(share: float) -> Alter:
    """Leave out this share of the file and a byte, as a recording that began before."""

    def alter(content: bytes) -> bytes:
        return content[round(share * len(content)) + 1 :]

    return alter


def flv_of(parts: Sequence[bytes]) -> bytes:
    """Join FLV files, as by a recorder after its sender restarted with other parameters."""
    joined, offset = parts[0][:_FLV_HEAD], 0
    for part in parts:
        at, latest = _FLV_HEAD, offset
        while at < len(part):
            length = _TAG_HEAD + int.from_bytes(part[at + 1 : at + 4], "big") + 4
            time = int.from_bytes(part[at + 7 : at + 8] + part[at + 4 : at + 7], "big") + offset
            stamp = (time & 0xFFFFFF).to_bytes(3, "big") + bytes([time >> 24])
            joined += part[at : at + 4] + stamp + part[at + 8 : at + length]
            at, latest = at + length, max(latest, time)
        offset = latest + _FLV_PAUSE
    return joined
