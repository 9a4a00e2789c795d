"""Parses addresses of files and snapshot cameras that are read as live feeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from streamsel.errors import ConfigurationError

_SCHEME = "file:"
_SNAPSHOT_SCHEMES = ("snapshot+http://", "snapshot+https://")
_MOST_PACE = 1000.0
_MUST = "it must be file:PATH, or with a pace, as in file:clip.mp4?pace=2"


@dataclass(frozen=True, slots=True)
class FileAddress:
    """A file, and its pace: seconds of video per second; infinite: as fast as possible."""

    path: Path
    pace: float

    def __str__(self) -> str:
        pace = 0.0 if self.pace == math.inf else self.pace
        return f"{_SCHEME}{self.path}?pace={pace:g}"


def is_file_address(source: str) -> bool:
    """Whether a source is a file that is read as a live feed.

    >>> is_file_address("file:clip.mp4"), is_file_address("rtsp://10.0.0.4/file:")
    (True, False)
    """
    return source.lower().startswith(_SCHEME)


def is_snapshot_address(source: str) -> bool:
    """Whether a source is a snapshot camera.

    >>> is_snapshot_address("snapshot+http://10.0.0.4/still.jpg")
    True
    """
    return source.lower().startswith(_SNAPSHOT_SCHEMES)


def read_file_address(source: str, folder: Path = Path()) -> FileAddress:
    """Parse the address of a file; a relative path is relative to ``folder``.

    Raises :class:`ConfigurationError`.

    >>> read_file_address("file:clip.mp4?pace=0", Path("/videos"))
    FileAddress(path=PosixPath('/videos/clip.mp4'), pace=inf)
    """
    text, mark, query = source[len(_SCHEME) :].rpartition("?")
    if not mark or "/" in query:
        text, query = source[len(_SCHEME) :], ""
    if text.startswith("//"):
        text = text[2:].removeprefix("localhost")
    asked = parse_qsl(query, keep_blank_values=True)
    if not text or any(name != "pace" for name, _ in asked) or len(asked) > 1:
        raise ConfigurationError(f"invalid address; {_MUST}")
    return FileAddress(folder / Path(text).expanduser(), _pace(asked[0][1] if asked else "1"))


def _pace(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = math.nan
    if pace == 0:
        return math.inf
    if not 0 < pace <= _MOST_PACE:
        raise ConfigurationError(
            f"invalid pace; it must be a multiple of the recorded speed, up to {_MOST_PACE:g}, or "
            "0 for as fast as possible"
        )
    return pace
