"""Parses HLS playlists (RFC 8216)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

USUAL_TARGET = 10.0
"""Seconds that a segment may last where its playlist cannot be asked."""
MISSED_TARGETS = 3
"""How many target durations without a new segment are a playlist that does not go on."""
_MOST_SEGMENTS = 20_000
"""Number of segments of which none is read here, because parsing them takes seconds."""
_LEAST_SECONDS, _MOST_SECONDS = 0.5, 120.0
_TARGET = re.compile(r"(?m)^#EXT-X-TARGETDURATION:\s*(\d{1,9}(?:\.\d{1,9})?)")
_FIRST = re.compile(r"(?m)^#EXT-X-MEDIA-SEQUENCE:\s*(\d{1,18})")
_DURATION = re.compile(r"#EXTINF:\s*(\d{1,9}(?:\.\d{1,9})?)")
_VARIANT = "#EXT-X-STREAM-INF:"
_RESOLUTION = re.compile(r"\bRESOLUTION=(\d{1,5})x(\d{1,5})")
_OTHER_VIDEO = re.compile(r"(?m)^#EXT-X-MEDIA:.*\bTYPE=VIDEO")
_UNQUOTED = re.compile(r"[^!-~]")
_SPECIAL = re.compile(
    r"(?m)^#EXT-X-(?:MAP|BYTERANGE|DEFINE|SKIP|I-FRAMES-ONLY|KEY:(?!.*\bMETHOD=NONE))"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a feed, and how many seconds it lasts."""

    url: str
    seconds: float


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """The segments of a playlist, numbered from ``first``, and its target duration in seconds.

    ``target`` is None where a text is no such playlist. ``is_ended``: no more will be added.
    ``is_plain``: its segments are files of http(s), neither encrypted nor dependent on others.
    """

    target: float | None
    first: int
    segments: tuple[Segment, ...]
    is_ended: bool
    is_plain: bool

    @property
    def end(self) -> int:
        """The number of the segment after the newest one."""
        return self.first + len(self.segments)

    @property
    def interval(self) -> float:
        """Seconds after which the next segment is to be expected."""
        seconds = self.segments[-1].seconds if self.segments else 0.0
        return _bounded(seconds or self.target or USUAL_TARGET)


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the playlists that another one lists.

    ``is_best``: none of the others has larger pictures.
    """

    url: str
    is_best: bool


def read_playlist(text: str, url: str) -> MediaPlaylist:
    """Parse the playlist at an address."""
    segments: list[Segment] = []
    seconds = 0.0
    for line in map(str.strip, text.splitlines()):
        if (told := _DURATION.match(line)) is not None:
            seconds = float(told[1])
        elif line and not line.startswith("#"):
            segments.append(Segment(_joined(url, line), seconds))
            if len(segments) > _MOST_SEGMENTS:
                break
    is_list = text.startswith("#EXTM3U")
    target, first = _TARGET.search(text) if is_list else None, _FIRST.search(text)
    is_plain = is_list and 0 < len(segments) <= _MOST_SEGMENTS and not _SPECIAL.search(text)
    return MediaPlaylist(
        target=None if target is None else _bounded(float(target[1])),
        first=0 if first is None else int(first[1]),
        segments=tuple(segments),
        is_ended="#EXT-X-ENDLIST" in text,
        is_plain=is_plain and all(_is_plain(segment.url) for segment in segments),
    )


def best_variant(text: str, url: str) -> Variant | None:
    """Return the playlist with the largest pictures of those that a playlist lists, if any."""
    variants = list(_variants(text))
    if not variants:
        return None
    pixels, place = max(variants, key=lambda variant: variant[0])
    is_known = pixels > 0 or len(variants) == 1
    return Variant(_joined(url, place), is_known and not _OTHER_VIDEO.search(text))


def _variants(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number of pixels of each variant, 0 where it is unknown, and its address."""
    pixels: int | None = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith(_VARIANT):
            pixels = _pixels(line)
        elif line and not line.startswith("#"):
            if pixels is not None:
                yield pixels, line
            pixels = None


def _pixels(about: str) -> int:
    told = _RESOLUTION.search(about)
    return 0 if told is None else int(told[1]) * int(told[2])


def _joined(url: str, place: str) -> str:
    """The absolute form of an address in a playlist; empty if it is invalid."""
    try:
        return quoted(urljoin(url, place))
    except ValueError:
        return ""


def quoted(url: str) -> str:
    """Return an address with the characters quoted that cannot be sent as they are.

    >>> quoted("http://host/yard 1/é.ts?a=%20")
    'http://host/yard%201/%C3%A9.ts?a=%20'
    """
    return _UNQUOTED.sub(lambda found: quote(found[0]), url)


def _is_plain(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts[1]
    except ValueError:
        return False


def _bounded(seconds: float) -> float:
    return min(max(seconds, _LEAST_SECONDS), _MOST_SECONDS)
