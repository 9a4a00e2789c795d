"""What is done to the bytes of a file, where ffmpeg makes no such file."""

from __future__ import annotations

_CORE = b"x264 - core "


def as_old_x264(content: bytes) -> bytes:
    """Let an old build of x264 sign the stream: decoders then read its 4:4:4 otherwise."""
    at = content.index(_CORE) + len(_CORE)
    return content[:at] + b"142" + content[at + 3 :]


def from_within(first: int) -> object:
    """Leave out the first bytes, as a recording that began before."""

    def alter(content: bytes) -> bytes:
        return content[first:]

    return alter
