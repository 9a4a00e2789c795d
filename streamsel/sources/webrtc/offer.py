"""Checks the SDP offer of a sender."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from streamsel.errors import OfferError, UnsupportedError

MOST_BYTES = 64 * 1024
CODECS = ("VP8", "H264")

_MOST_SECTIONS = 16
_MOST_CANDIDATES = 64
_MOST_LINES = 4_000
_LINE = re.compile(r"[a-z]=[^\x00-\x08\x0a-\x1f\x7f]*")
_MEDIA = re.compile(r"m=(\w+) (\d{1,5})(?:/\d+)? (\S+) (\S.*)")
_RTP = re.compile(r"(?:UDP|TCP)/(?:TLS|DTLS)/RTP/SAVPF?|RTP/SAVPF?")
_CODEC = re.compile(r"a=rtpmap:(\d+) ([\w.-]+)/(\d+)(?:/\d+)?")
_SECRETS = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:")


@dataclass(frozen=True, slots=True)
class MediaSection:
    """One medium of an offer: its ``kind``, the lines that follow, and the session's."""

    kind: str
    lines: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def sends(self) -> bool:
        """Whether the sender would send this medium."""
        for lines in (self.lines, self.shared):
            for line in lines:
                if line in ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"):
                    return line in ("a=sendrecv", "a=sendonly")
        return True  # RFC 8866, section 6.7: the default is sendrecv

    @property
    def codecs(self) -> frozenset[str]:
        """The names of its codecs, in upper case."""
        found = map(_CODEC.fullmatch, self.lines)
        return frozenset(match[2].upper() for match in found if match)

    def tells(self, beginning: str) -> bool:
        """Whether a line of this section or of the session starts like this."""
        return any(line.startswith(beginning) for line in (*self.lines, *self.shared))


def require_offer(sdp: str) -> str:
    """Return an offer of video that can be answered, without unusable candidates.

    Local names (``.local``) stand for addresses that a browser hides; resolving them may take
    seconds, and the connection works without. Raises :class:`OfferError` for an invalid offer, and
    :class:`UnsupportedError` for video codecs other than VP8 and H.264.
    """
    if len(sdp.encode("utf-8", "replace")) > MOST_BYTES:
        raise OfferError("the offer is longer than 64 KB")
    sections = _sections(sdp)
    for section in sections:
        if section.kind not in ("audio", "video"):
            raise OfferError(f"the offer has a section of {section.kind}; send video alone")
    first = next((section for section in sections if section.kind == "video"), None)
    if first is None:
        raise OfferError("the offer has no video; add a video track before it is made")
    if not first.sends:
        raise OfferError("the offer does not send its video; make it sendonly")
    missing = [name for name in _SECRETS if not first.tells(name)]
    if missing:
        raise OfferError(f"the offer's video lacks {', '.join(name[2:-1] for name in missing)}")
    if not first.codecs & set(CODECS):
        offered = ", ".join(sorted(first.codecs)) or "no codec at all"
        raise UnsupportedError(f"the offer's video is in {offered}; VP8 or H264 is taken here")
    return "".join(f"{line}\r\n" for line in sdp.split("\n") for line in _usable(line))


def _sections(sdp: str) -> list[MediaSection]:
    lines = [line.removesuffix("\r") for line in sdp.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines or lines[0] != "v=0" or len(lines) > _MOST_LINES:
        raise OfferError("this is not a session description (SDP), which begins with v=0")
    for number, line in enumerate(lines, 1):
        if not _LINE.fullmatch(line):
            raise OfferError(f"line {number} of the offer is no line of a session description")
    starts = [place for place, line in enumerate(lines) if line.startswith("m=")]
    if len(starts) > _MOST_SECTIONS:
        raise OfferError(f"the offer has more than {_MOST_SECTIONS} sections")
    if sum(line.startswith("a=candidate:") for line in lines) > _MOST_CANDIDATES:
        raise OfferError(f"the offer has more than {_MOST_CANDIDATES} candidates")
    shared = tuple(lines[: starts[0]] if starts else lines)
    return [_section(lines[a:b], shared) for a, b in pairwise([*starts, len(lines)])]


def _section(lines: list[str], shared: tuple[str, ...]) -> MediaSection:
    media = _MEDIA.fullmatch(lines[0])
    if media is None or int(media[2]) > 65_535:
        raise OfferError("a section of the offer begins with no media line (m=)")
    if media[1] in ("audio", "video"):
        if not _RTP.fullmatch(media[3]):
            raise OfferError(f"the offer's {media[1]} goes by {media[3]}; WebRTC is needed")
        if not all(number.isascii() and number.isdigit() for number in media[4].split()):
            raise OfferError(f"the offer's {media[1]} has formats that are no numbers")
    return MediaSection(media[1], tuple(lines[1:]), shared)


def _usable(line: str) -> list[str]:
    text = line.removesuffix("\r")
    if not text or (text.startswith("a=candidate:") and ".local " in text):
        return []
    return [text]
